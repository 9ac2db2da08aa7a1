"""Stores of S3 and of the web that cannot be read, and what is said of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from python_backup.errors import ArtifactError, ArtifactMissing
from python_backup.storage.stores.place import Place, parse_place
from python_backup.storage.stores.table import opened_store
from support.certificates import MONTH, Authority
from support.stores import (
    KEY,
    KEY_ID,
    NAME,
    bad_requests,
    cut_answers,
    free_port,
    full_endpoint,
    long_answers,
    mute_endpoint,
    s3_served,
    served_whole,
    web_served,
)

IN_S3 = Place("s3", "s3://bucket/my folder", NAME)


def failure(place: Place) -> ArtifactError:
    """What reading some bytes fails with; one line, which names the file and has no secret."""
    with pytest.raises(ArtifactError) as caught, opened_store(place) as store:
        store.read(place.name, 0, 10)
    said = f"{caught.value.message} {caught.value.hint}"
    assert str(place) in caught.value.message
    assert "\n" not in said
    assert "Debug source" not in said
    assert KEY not in said
    return caught.value


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_keys_are_denied(s3: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "wrong")

    error = failure(IN_S3)

    assert "the store denies it: 403 Forbidden" in error.message
    assert "AWS_SECRET_ACCESS_KEY" in str(error.hint)
    assert not error.transient


def test_a_size_that_is_denied_is_an_error_and_no_missing_file(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")

    with pytest.raises(ArtifactError, match="denies"), opened_store(IN_S3) as store:
        store.size(NAME)


def test_without_keys_it_is_said_which_variables_have_them(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    began = time.monotonic()
    error = failure(IN_S3)

    assert "no keys for S3 were found" in error.message
    assert "AWS_ACCESS_KEY_ID" in str(error.hint)
    assert time.monotonic() - began < 20


def test_a_missing_bucket_is_a_missing_file(s3: str) -> None:
    place = Place("s3", "s3://nosuchbucket", NAME)

    with pytest.raises(ArtifactMissing, match=re.escape(str(place))), opened_store(place) as store:
        store.read(NAME, 0, 1)


def test_a_port_that_nobody_listens_at_is_found_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")

    began = time.monotonic()
    error = failure(IN_S3)

    assert "connection refused" in error.message
    assert error.transient
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("endpoint", [mute_endpoint, full_endpoint])
def test_an_endpoint_that_does_not_answer_is_given_up(
    endpoint: Callable[[], AbstractContextManager[str]],
) -> None:
    with endpoint() as url:
        began = time.monotonic()
        error = failure(parse_place(f"{url}/folder/x"))
        took = time.monotonic() - began

    assert "no answer in time" in error.message
    assert error.transient
    assert took < 25


def test_a_host_whose_name_nobody_knows_is_said_to_be_unknown() -> None:
    assert "name is not known" in failure(parse_place("https://no-such-host.invalid/x")).message


def test_a_server_that_ignores_ranges_is_not_believed(folder: Path) -> None:
    with served_whole(folder.parents[1]) as url:
        place = parse_place(str(Place("http", f"{url}/bucket/my%20folder", NAME)))
        error = failure(place)

    assert "does not give parts of files" in error.message


def test_an_s3_that_calls_a_part_the_whole_is_not_believed(
    rclone: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_served(folder.parents[1], parts=False) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        error = failure(IN_S3)

    assert "does not give parts of files" in error.message


def test_a_web_server_that_wants_a_password_gets_it_from_netrc(
    rclone: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with web_served(folder.parents[1], "--user", "reader", "--pass", KEY) as url:
        place = parse_place(str(Place("http", f"{url}/bucket/my%20folder", NAME)))
        error = failure(place)

        (home / ".netrc").write_text(f"machine 127.0.0.1 login reader password {KEY}\n")
        (home / ".netrc").chmod(0o600)
        with opened_store(place) as store:
            read = store.read(NAME, 3, 4)

    assert "the store denies it: 401 Unauthorized" in error.message
    assert "~/.netrc" in str(error.hint)
    assert read == bytes([3, 4, 5, 6])


def test_a_name_that_a_url_decodes_is_hinted_at(web: str) -> None:
    folder, _, _ = web.rpartition("/")
    error = failure(Place("http", folder, "a%20b"))

    assert isinstance(error, ArtifactMissing)
    assert "%25" in str(error.hint)


def test_a_certificate_is_trusted_where_its_authority_is_named(
    rclone: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority.made(tmp_path, "authority")
    pair = authority.issue("server", "host", address="127.0.0.1")
    with web_served(folder.parents[1], "--cert", str(pair.cert), "--key", str(pair.key)) as url:
        place = parse_place(str(Place("https", f"{url.replace('http', 'https')}/bucket/my%20folder", NAME)))
        error = failure(place)

        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        with opened_store(place) as store:
            read = store.read(NAME, 3, 4)

    assert "certificate is not trusted" in error.message
    assert "SSL_CERT_FILE" in str(error.hint)
    assert read == bytes([3, 4, 5, 6])


@pytest.mark.parametrize(
    ("address", "lasts", "message"),
    [
        ("127.0.0.1", -MONTH, "certificate has expired"),
        ("127.0.0.9", MONTH, "certificate is for another name"),
    ],
)
@pytest.mark.usefixtures("rclone")
def test_what_is_wrong_with_a_certificate_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, address: str, lasts: timedelta, message: str
) -> None:
    tmp_path = folder.parents[2]
    authority = Authority.made(tmp_path, "authority")
    pair = authority.issue("server", "host", address=address, lasts=lasts)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with web_served(folder.parents[1], "--cert", str(pair.cert), "--key", str(pair.key)) as url:
        error = failure(parse_place(f"{url.replace('http', 'https')}/bucket/x"))

    assert message in error.message
    assert "SSL_CERT_FILE" not in str(error.hint)


def test_a_request_that_s3_calls_bad_is_hinted_at_and_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with bad_requests() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        error = failure(IN_S3)

    assert error.message.endswith("400 Bad Request, ExpiredToken, The token has expired.")
    assert "AWS_SESSION_TOKEN" in str(error.hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "minio:9000"),
        ("AWS_ENDPOINT_URL", f"http://{KEY}@h:99999"),
        ("AWS_ENDPOINT_URL_S3", "http://h a/"),
        ("AWS_REGION", "us-east-1\r"),
        ("AWS_ACCESS_KEY_ID", f"{KEY}\n"),
        ("AWS_SECRET_ACCESS_KEY", f"{KEY}\r"),
        ("AWS_SESSION_TOKEN", f"{KEY}\n"),
    ],
)
def test_a_variable_that_cannot_be_right_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv(name, value)

    assert f"{name} is not understood" in failure(IN_S3).message


def test_a_panic_of_the_driver_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{KEY}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{free_port()}/c")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))

    assert "panic" in failure(IN_S3).message


def test_a_host_without_tls_is_said_to_be_one(folder: Path) -> None:
    with served_whole(folder.parents[1]) as url:
        error = failure(parse_place(f"{url.replace('http', 'https')}/bucket/x"))

    assert "does not speak TLS" in error.message


def test_an_answer_that_is_cut_may_come_another_time() -> None:
    with cut_answers() as url:
        error = failure(parse_place(f"{url}/folder/x"))

    assert "the connection was cut" in error.message
    assert error.transient


def test_a_signal_is_heeded_while_a_server_says_nothing(tmp_path: Path) -> None:
    with mute_endpoint() as url:
        argv = [sys.executable, "-m", "python_backup", "verify", f"{url}/folder/x"]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment) as process:
            until = time.monotonic() + 30
            while not list(tmp_path.iterdir()):
                assert time.monotonic() < until
                time.sleep(0.05)
            time.sleep(0.5)  # the request is under way
            process.terminate()
            _, said = process.communicate(timeout=30)

    assert "nothing half-done was left behind" in said
    assert list(tmp_path.iterdir()) == []


def test_of_an_answer_that_is_longer_than_the_range_little_is_read() -> None:
    sent: list[int] = []
    with long_answers(sent) as url:
        error = failure(parse_place(f"{url}/folder/x"))

    assert "other bytes" in error.message
    assert sum(sent) < 16 << 20


def test_a_netrc_in_another_encoding_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_bytes(f"machine 127.0.0.1 login u password {KEY}\xe4\n".encode("latin-1"))
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert "UTF-8" in failure(parse_place("http://127.0.0.1/folder/x")).message


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        (f"machine 127.0.0.1 login reader\n{KEY}\n", 0o600, "not understood near line"),
        (f"machine 127.0.0.1 login reader password {KEY}\n", 0o644, "permissive"),
    ],
)
def test_a_netrc_that_is_wrong_is_said_to_be_without_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mode: int, message: str
) -> None:
    (tmp_path / ".netrc").write_text(text)
    (tmp_path / ".netrc").chmod(mode)
    monkeypatch.setenv("HOME", str(tmp_path))

    error = failure(parse_place("http://127.0.0.1/folder/x"))

    assert message in error.message
