"""Private files."""

import os
import shutil
import stat

import pytest

from python_backup.errors import StorageFailed
from python_backup.stream.private import private_files


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_can_read_them_whatever_the_umask(umask):
    before = os.umask(umask)
    try:
        with private_files({"client.cnf": b'[client]\npassword="x"\n', "pgpass": b""}) as folder:
            assert {p.name: (mode(p), p.read_bytes()) for p in folder.iterdir()} == {
                "client.cnf": (0o600, b'[client]\npassword="x"\n'),
                "pgpass": (0o600, b""),
            }
            assert mode(folder) == 0o700
    finally:
        os.umask(before)


def test_they_are_gone_afterwards_even_when_their_user_fails():
    with pytest.raises(RuntimeError), private_files({"a": b"1"}) as folder:
        raise RuntimeError
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    expected = pytest.raises(
        StorageFailed, match=r"private files could not be written in .*gone: No such file"
    )
    with expected, private_files({"a": b"1"}):
        pass


def test_a_folder_that_someone_removed_meanwhile_is_no_error() -> None:
    with private_files({"a": b""}) as folder:
        shutil.rmtree(folder)
    assert not folder.exists()
