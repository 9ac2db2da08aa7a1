"""Stores that are read through ssh, and what is said of those that cannot be."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from python_backup.errors import ArtifactError, ArtifactMissing, ToolMissing
from python_backup.instance import Retry
from python_backup.jobs.fetch import WHOLE, Fetching
from python_backup.jobs.tries import Waits
from python_backup.storage.stores.place import Place, parse_place
from python_backup.storage.stores.sftp_session import PIECE
from python_backup.storage.stores.table import opened_store
from support.silence import Silence
from support.stores import NAME, Sshd, free_port, mute_endpoint


def failure(place: Place) -> ArtifactError:
    """What reading some bytes fails with; one line, which names the file."""
    with pytest.raises(ArtifactError) as caught, opened_store(place) as store:
        store.read(place.name, 0, 10)
    assert str(place) in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_a_path_below_the_users_home_is_read(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"from afar")
    up = os.path.relpath(tmp_path, Path("~").expanduser())

    with opened_store(parse_place(f"{sshd.url}/~/{up}/x")) as store:
        assert store.read("x", 5, 4) == b"afar"


def test_an_unknown_host_key_is_refused_in_sshs_words(sshd: Sshd, sftp: str) -> None:
    sshd.known_hosts.write_text("")

    error = failure(Place("sftp", sftp, NAME))

    assert "Host key verification failed" in error.message
    assert "ssh HOST" in str(error.hint)
    assert not error.transient


def test_another_host_key_is_refused_in_sshs_words(sshd: Sshd, sftp: str, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    where, _, _ = sshd.known_hosts.read_text().partition(" ")
    sshd.known_hosts.write_text(f"{where} {(tmp_path / 'other.pub').read_text()}")

    assert "Host key verification failed" in failure(Place("sftp", sftp, NAME)).message


def test_a_key_that_the_server_does_not_know_is_denied(sshd: Sshd, sftp: str) -> None:
    sshd.identity.unlink()
    sshd.identity.with_name("identity.pub").unlink()

    error = failure(Place("sftp", sftp, NAME))

    assert "Permission denied (publickey" in error.message
    assert "ssh-add" in str(error.hint)


def test_a_port_that_nobody_listens_at_is_found_out_at_once(sshd: Sshd) -> None:
    began = time.monotonic()
    error = failure(parse_place(f"sftp://127.0.0.1:{free_port()}/x/y"))

    assert "Connection refused" in error.message
    assert error.transient
    assert time.monotonic() - began < 10


def test_a_host_that_does_not_answer_is_given_up(sshd: Sshd) -> None:
    with mute_endpoint() as url:
        began = time.monotonic()
        error = failure(parse_place(f"{url.replace('http', 'sftp')}/x/y"))

    assert "timed out" in error.message
    assert error.transient
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("sshd", [("-P", "open")], indirect=True)
def test_a_file_that_may_not_be_opened_is_said_to_be_denied(sshd: Sshd, sftp: str) -> None:
    assert "cannot be read: the server says: Permission denied" in failure(Place("sftp", sftp, NAME)).message


def test_what_is_no_file_is_not_opened(sshd: Sshd, sftp: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    error = failure(Place("sftp", sftp, "pipe"))

    assert isinstance(error, ArtifactMissing)
    assert "is no file" in error.message
    with opened_store(Place("sftp", sftp, "pipe")) as store:
        assert store.size("pipe") is None


def test_a_file_that_is_cut_while_it_is_read_is_an_error(sshd: Sshd, sftp: str, folder: Path) -> None:
    (folder / "large").write_bytes(bytes(1000 * PIECE))
    with opened_store(Place("sftp", sftp, "large")) as store:
        blocks = store.blocks("large")
        next(blocks)
        os.truncate(folder / "large", 500 * PIECE)

        with pytest.raises(ArtifactError, match="was replaced"):
            list(blocks)


def test_a_connection_that_is_lost_amid_a_file_is_an_error(sshd: Sshd, sftp: str, folder: Path) -> None:
    with (folder / "large").open("wb") as sparse:
        sparse.truncate(200 << 20)
    with opened_store(Place("sftp", sftp, "large")) as store:
        blocks = store.blocks("large")
        next(blocks)
        end_sessions_of(sshd)

        with pytest.raises(ArtifactError, match=quote("large")) as caught:
            list(blocks)

        assert caught.value.transient
        assert store.read("large", 100 << 20, 10) == bytes(10)


def test_a_whole_file_comes_over_a_connection_that_is_lost(
    sshd: Sshd, sftp: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.urandom(1 << 20) * 64
    (folder / "large").write_bytes(whole)
    losing = _Losing(server=sshd)
    fetching = Fetching(losing, None, Retry(3, 0, 1, 0), Waits(sleep=lambda _: None))

    with fetching.fetched(Place("sftp", sftp, "large"), WHOLE) as found:
        assert found.path.read_bytes() == whole

    assert "reading goes on from" in losing.notes[0]


@dataclass
class _Losing(Silence):
    """Ends the connection when the first bytes came."""

    server: Sshd | None = None

    def advance(self, size: int) -> None:
        del size
        if self.server:
            end_sessions_of(self.server)
            self.server = None


def test_a_host_is_called_as_it_is_written(sshd: Sshd, folder: Path) -> None:
    port = sshd.url.rpartition(":")[2]
    config = sshd.identity.with_name("ssh_config")
    config.write_text(f"{config.read_text()}Host NAS\nHostName 127.0.0.1\nPort {port}\n")

    with opened_store(Place("sftp", f"sftp://NAS{quote(str(folder))}", NAME)) as store:
        assert store.size(NAME) == 100


def end_sessions_of(server: Sshd) -> None:
    """Ends what this server has begun for its clients, and only that."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    assert children
    for child in children:
        os.kill(int(child), 9)


def test_no_ssh_here_is_a_missing_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with (
        pytest.raises(ToolMissing, match="'ssh'"),
        opened_store(Place("sftp", "sftp://host/x", NAME)) as store,
    ):
        store.size(NAME)


def test_more_files_are_read_than_the_server_opens_at_once(sshd: Sshd, sftp: str, folder: Path) -> None:
    resource.prlimit(sshd.pid, resource.RLIMIT_NOFILE, (64, 64))
    files = {str(number): b"%d" % number for number in range(100)}
    for name, content in files.items():
        (folder / name).write_bytes(content)

    with opened_store(Place("sftp", sftp, NAME)) as store:
        assert {name: b"".join(store.blocks(name)) for name in files} == files
        assert {name: store.read(name, 0, 9) for name in files} == files
