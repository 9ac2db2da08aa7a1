"""Files that appear whole or not at all, on real file systems."""

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from python_backup.errors import StorageFailed
from python_backup.stream import publish
from python_backup.stream.publish import is_temporary, publishing, write_named
from python_backup.stream.writeback import STEP
from support.disks import disk


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_a_committed_file_is_there_whole_and_private(tmp_path, umask):
    final = tmp_path / "a.sql"
    before = os.umask(umask)
    try:
        with publishing(final) as sink:
            sink.write(b"one")
            sink.write(b"")
            sink.write(b"two" * 1_000_000)
            assert not final.exists()
            assert sink.commit() == final
    finally:
        os.umask(before)
    assert (final.read_bytes(), sink.size) == (b"one" + b"two" * 1_000_000, 3_000_003)
    assert stat.S_IMODE(final.stat().st_mode) == 0o600
    assert (list(tmp_path.iterdir()), final.stat().st_nlink) == ([final], 1)


def test_while_it_is_written_only_a_temporary_name_is_there(tmp_path):
    with publishing(tmp_path / "a.sql", draw=lambda count: b"\x01" * count) as sink:
        sink.write(b"one")
        assert [path.name for path in tmp_path.iterdir()] == [".a.sql.partial-01010101"]
        assert is_temporary(".a.sql.partial-01010101")


def test_without_a_commit_nothing_is_left(tmp_path):
    with publishing(tmp_path / "a.sql") as sink:
        sink.write(b"one")
    assert list(tmp_path.iterdir()) == []


def test_after_an_exception_nothing_is_left(tmp_path):
    with pytest.raises(KeyboardInterrupt), publishing(tmp_path / "a.sql") as sink:
        sink.write(b"one")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_replaced(tmp_path):
    final = tmp_path / "a.sql"
    with (
        pytest.raises(StorageFailed, match=r"a\.sql is there already and is not replaced"),
        publishing(final) as sink,
    ):
        sink.write(b"new")
        final.write_bytes(b"old")
        sink.commit()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.sql": b"old"}


def test_the_first_free_name_is_taken(tmp_path):
    (tmp_path / "a").symlink_to("nowhere")
    (tmp_path / "b").write_bytes(b"")
    with publishing(tmp_path / "a") as sink:
        sink.write(b"new")
        assert sink.commit([tmp_path / "b", tmp_path / "c", tmp_path / "d"]) == tmp_path / "c"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_a_file_system_without_links_is_served_by_a_rename(tmp_path, monkeypatch):
    def refused(self, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    (tmp_path / "a").write_bytes(b"old")
    with publishing(tmp_path / "a") as sink:
        sink.write(b"new")
        assert sink.commit([tmp_path / "b"]) == tmp_path / "b"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old", "b": b"new"}


@pytest.mark.parametrize(
    "name", ["a.sql", ".a.sql", "a.partial-01010101", ".a.partial-0101", ".partial-01010101"]
)
def test_other_names_are_not_temporary(name):
    assert not is_temporary(name)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    expected = pytest.raises(StorageFailed, match=r"gone cannot be written: No such file")
    with expected as caught, publishing(tmp_path / "gone" / "a"):
        pass
    assert caught.value.hint == "Make the folder, or set backup.directory to another one."


def test_no_descriptor_is_left_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with publishing(tmp_path / "a") as sink:
        sink.commit()
    with publishing(tmp_path / "b"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    with disk(tmp_path / "disk", 256) as folder:
        yield folder


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ENOSPC])
def test_a_disk_that_takes_no_more_is_told_with_the_folder_and_leaves_nothing(tmp_path, monkeypatch, number):
    def broken(_descriptor, _block):
        raise OSError(number, os.strerror(number))

    expected = pytest.raises(StorageFailed, match=f"{tmp_path} cannot be written: {os.strerror(number)}")
    with expected as caught, publishing(tmp_path / "a.sql") as sink:
        monkeypatch.setattr(os, "write", broken)
        sink.write(b"12345")
    assert ("; at least 5 bytes short" in caught.value.message) == (number != errno.EIO)
    assert caught.value.hint is not None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_amid_the_writing_is_an_error(tmp_path):
    folder, moved = tmp_path / "backups", tmp_path / "moved"
    folder.mkdir()
    expected = pytest.raises(StorageFailed, match=f"{folder} cannot be written: No such file or directory")
    with expected, publishing(folder / "a.sql") as sink:
        sink.write(b"1")
        folder.rename(moved)
        sink.commit()
    assert [is_temporary(path.name) for path in moved.iterdir()] == [True]  # of no name that counts


def test_a_full_disk_leaves_nothing_and_keeps_what_was_there(small_disk):
    (small_disk / "before.sql").write_bytes(b"good")
    with pytest.raises(StorageFailed) as caught, publishing(small_disk / "a.sql") as sink:
        for _ in range(100):
            sink.write(bytes(8192))
    message = f"{small_disk} cannot be written: No space left on device; at least 4,096 bytes short"
    assert caught.value.message == message
    assert caught.value.hint == "Free space there, or set backup.directory to another file system."
    assert {path.name: path.read_bytes() for path in small_disk.iterdir()} == {"before.sql": b"good"}


def test_a_read_only_file_system_is_named(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageFailed, match="Read-only file system"), publishing(small_disk / "a.sql"):
        pass


def test_a_file_is_replaced_where_that_is_asked(tmp_path):
    final = tmp_path / "vault"
    final.write_bytes(b"old")
    final.chmod(0o644)
    with publishing(final) as sink:
        sink.write(b"new")
        sink.replace()
    assert (final.read_bytes(), stat.S_IMODE(final.stat().st_mode)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes a file of someone else")
def test_a_replaced_file_keeps_its_owner(tmp_path):
    final = tmp_path / "vault"
    final.write_bytes(b"old")
    os.chown(final, 12345, 54321)
    with publishing(final) as sink:
        sink.replace()
    assert (final.stat().st_uid, final.stat().st_gid) == (12345, 54321)


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    final = tmp_path / "vault"
    final.write_bytes(b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match="No space left on device"), publishing(final) as sink:
        sink.write(b"new")
        sink.replace()
    assert (final.read_bytes(), list(tmp_path.iterdir())) == (b"old", [final])


def test_what_somebody_named_is_replaced_whole_and_for_its_owner_alone(tmp_path):
    named = tmp_path / "plan.json"
    write_named(named, b"old")
    named.chmod(0o644)
    write_named(named, b"new")
    assert (named.read_bytes(), stat.S_IMODE(named.stat().st_mode)) == (b"new", 0o600)
    (tmp_path / "link").symlink_to(named)
    write_named(tmp_path / "link", b"newer")
    assert ((tmp_path / "link").is_symlink(), named.read_bytes()) == (True, b"newer")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "plan.json"]


def test_what_is_no_file_is_written_into_and_stays_what_it_is(tmp_path):
    """`plan --output /dev/null` of root's once removed the machine's /dev/null."""
    os.mkfifo(pipe := tmp_path / "pipe")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_named(pipe, b"told")
        assert os.read(reader, 10) == b"told"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_named_file_that_cannot_be_written_leaves_the_one_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "plan.json").write_text("old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFailed, match=r"plan.json cannot be written: No space left") as caught:
        write_named(tmp_path / "plan.json", b"new")
    assert "backup.directory" not in (caught.value.hint or "")
    assert (tmp_path / "plan.json").read_text() == "old"
    with pytest.raises(StorageFailed, match="cannot be written: No such file"):
        write_named(tmp_path / "nowhere" / "plan.json", b"new")


def test_the_disk_begins_with_what_was_written_while_more_comes(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(publish, "begin_writing", lambda _file, begin, end: asked.append((begin, end)))
    block = bytes(STEP // 4 + 1)
    with publishing(tmp_path / "a.sql") as sink:
        for _ in range(9):
            sink.write(block)
    assert asked == [(0, 4 * len(block)), (4 * len(block), 8 * len(block))]
