"""What is said of the folders that are written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from python_backup.instance import Dbms
from python_backup.jobs.health import folders
from python_backup.model import Backup, Verdict
from support.results import TAKEN, manifest


def taken(size: int) -> Backup:
    return Backup(Path("b"), Dbms.MYSQL, "shop", TAKEN, size, manifest())


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path) -> None:
    place = tmp_path / "deep" / "backups"
    folder, space = folders.folder(place, ())
    assert (folder.verdict, space.verdict) == (Verdict.OK, Verdict.OK)
    assert place.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []


def test_a_folder_that_others_can_look_into_is_a_warning(tmp_path) -> None:
    tmp_path.chmod(0o755)
    folder, _ = folders.folder(tmp_path, ())
    assert (folder.verdict, folder.hint) == (Verdict.WARNING, f"chmod 700 {tmp_path}")
    assert "0755" in folder.found


def test_a_folder_of_another_user_is_a_warning(tmp_path, monkeypatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(folders.os, "geteuid", lambda: 4711)
    folder, _ = folders.folder(tmp_path, ())
    assert (folder.verdict, folder.hint) == (Verdict.WARNING, f"chown 4711 {tmp_path}")


def test_a_file_in_the_folders_place_is_a_failure(tmp_path) -> None:
    place = tmp_path / "b"
    place.write_text("")
    (folder,) = folders.folder(place, ())
    assert (folder.verdict, folder.hint) == (Verdict.FAILURE, f"ls -ld {place}")


@pytest.mark.parametrize(
    ("free", "sizes", "verdict"),
    [
        (1000, (), Verdict.OK),
        (1000, (500, 400), Verdict.OK),
        (800, (500, 400), Verdict.WARNING),
        (400, (500, 100), Verdict.FAILURE),
        (0, (), Verdict.FAILURE),
    ],
)
def test_free_space_is_told_beside_what_the_latest_backups_take(
    tmp_path, monkeypatch, free, sizes, verdict
) -> None:
    real = os.statvfs(tmp_path)

    class Found:
        f_bavail, f_frsize, f_blocks, f_files, f_favail = free, 1, 10_000, real.f_files, 1_000_000

    monkeypatch.setattr(folders.os, "statvfs", lambda _: Found)
    check = folders.space(tmp_path, tuple(taken(size) for size in sizes))
    assert check.verdict is verdict
    assert (check.hint == f"df -h {tmp_path}") is (verdict is not Verdict.OK)


def test_too_few_inodes_are_a_warning(tmp_path, monkeypatch) -> None:
    class Found:
        f_bavail, f_frsize, f_blocks, f_files, f_favail = 1000, 1, 1000, 5000, 3

    monkeypatch.setattr(folders.os, "statvfs", lambda _: Found)
    check = folders.space(tmp_path, ())
    assert (check.verdict, check.hint) == (Verdict.WARNING, f"df -i {tmp_path}")


def test_a_temporary_folder_that_cannot_be_written_is_a_failure(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path / "none"))
    (check,) = folders.temporary()
    assert (check.verdict, check.hint) == (Verdict.FAILURE, "export TMPDIR=/var/tmp")


def test_sizes_are_shown_as_people_read_them() -> None:
    assert [folders.shown(n) for n in (999, 2048, 3 << 30, 5 << 40)] == [
        "999 bytes",
        "2.0 KiB",
        "3.0 GiB",
        "5.0 TiB",
    ]
