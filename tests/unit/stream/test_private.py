"""Private files."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from python_backup.errors import StorageFailed
from python_backup.stream.private import clear_private, make_private, private_files


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


HOLDER = """
import sys, time
from python_backup.stream.private import clear_private, make_private, private_files
with private_files({"client.cnf": b"secret"}) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_left_is_removed_and_a_living_ones_stays(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    others = tmp_path / "vya-backupdb-backups"
    others.mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    argv = [sys.executable, "-c", HOLDER]
    with (
        private_files({"a": b"1"}) as mine,
        subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process,
    ):
        folder = Path(process.stdout.readline().strip())
        assert clear_private() == ()
        process.kill()
        process.wait()
        assert (folder / "client.cnf").exists()
        assert clear_private() == (folder,)
        assert sorted(tmp_path.iterdir()) == sorted([mine, others])


def test_a_folder_that_is_cleared_before_it_is_held_is_made_anew(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    real, made = tempfile.mkdtemp, []

    def cleared(prefix: str, dir: Path) -> str:  # noqa: A002 - as tempfile names it
        made.append(real(prefix=prefix, dir=dir))
        if len(made) == 1:
            assert clear_private() == (Path(made[0]),)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", cleared)
    with private_files({"a": b"1"}) as folder:
        assert (str(folder), len(made)) == (made[1], 2)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_folders_are_made_for_their_owner_alone_with_all_above_them(tmp_path, umask):
    before = os.umask(umask)
    try:
        make_private(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700] * 3
    made[0].chmod(0o755)
    make_private(made[2])
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o755
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private(tmp_path / "file" / "in")
