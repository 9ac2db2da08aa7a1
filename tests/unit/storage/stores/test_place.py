"""URLs of artifacts, as they are written and read."""

from __future__ import annotations

import pytest

from python_backup.errors import UsageError
from python_backup.storage.stores.place import Place, is_place, parse_place

ODD = "20260113_155440_mysql_a%20b +ü#?.sql.zst"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"s3://bucket/far/off/{ODD}", Place("s3", "s3://bucket/far/off", ODD)),
        ("S3://bucket/name", Place("s3", "s3://bucket", "name")),
        ("https://h:8/p/a%2520b%20%C3%BC+", Place("https", "https://h:8/p", "a%20b ü+")),
        ("http://h/20260113_155440_mysql_x/", Place("http", "http://h", "20260113_155440_mysql_x")),
        ("sftp://u@h:2222/srv/x y#?", Place("sftp", "sftp://u@h:2222/srv", "x y#?")),
        ("sftp://[::1]/~/x", Place("sftp", "sftp://[::1]/~", "x")),
    ],
)
def test_a_url_tells_the_folder_and_the_name(url: str, place: Place) -> None:
    assert is_place(url)
    assert parse_place(url) == place


@pytest.mark.parametrize("scheme", ["s3", "https", "http", "sftp"])
def test_a_place_is_written_as_the_url_that_is_read_as_it(scheme: str) -> None:
    place = Place(scheme, f"{scheme}://host/folder", ODD)

    assert parse_place(str(place)) == place


@pytest.mark.parametrize("path", ["/srv/backups/x.sql", "x.sql", "a:b.sql", "./s3:/x", "-"])
def test_a_path_is_no_place(path: str) -> None:
    assert not is_place(path)


def test_an_unknown_scheme_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"gs:// \(known: s3://, https://, http://, sftp://\)"):
        parse_place("gs://bucket/x")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://bucket", "names no file"),
        ("s3://bucket/", "names no file"),
        ("s3:///x", "names no bucket"),
        ("https://host", "names no file"),
        ("https:///x", "names no host"),
        ("http://host:99999/x", "names no host"),
        ("sftp:///x", "names no host"),
        ("sftp://-oProxyCommand=id/x", "names no host"),
        ("sftp://host/..", "names no file"),
        ("https://host/x?X-Amz-Signature=secret", r"cannot have a '\?'"),
        ("https://host/x%0A", "cannot be shown"),
        ("sftp://host/a\nb/x", "cannot be shown"),
        ("https://host/a%2F..%2Fb", "names no file"),
        ("https://host/a%2F%2Fb", "names no file"),
        ("s3://bucket//x", "without a name"),
        ("s3://bucket/a//x", "without a name"),
        ("s3://bucket/a/../x", "without a name"),
        ("sftp://h`id`/x", "names no host"),
        ("sftp://u$(id)@host/x", "cannot have such a user"),
        ("sftp://u%60id%60@host/x", "cannot have such a user"),
        ("sftp://u%0A@host/x", "cannot have such a user"),
    ],
)
def test_a_url_that_lacks_something_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_place(url)

    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "url",
    ["s3://KEY:se/secret@b/x", "https://u:se/secret@h/x", "sftp://u:se/secret@h/x"],
)
def test_a_password_with_a_slash_is_not_repeated_either(url: str) -> None:
    with pytest.raises(UsageError, match=r"names no (host|bucket|file)") as caught:
        parse_place(url)

    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("url", ["s3://KEY:secret@b/x", "https://u:secret@h/x", "sftp://u:secret@h/x"])
def test_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match=r"cannot hold|no password") as caught:
        parse_place(url)

    assert "secret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "hinted"),
    [
        ("https://h/p/a%20b", True),
        ("sftp://h/p/100%25", True),
        ("sftp://h/p/plain", False),
        ("s3://b/100%", False),
    ],
)
def test_a_name_that_decoding_may_have_changed_has_a_hint(url: str, *, hinted: bool) -> None:
    assert (parse_place(url).decoding_hint is not None) == hinted
