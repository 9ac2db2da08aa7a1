"""What is said of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from python_backup.config.load import load
from python_backup.errors import ConfigError
from python_backup.jobs.health import machine
from python_backup.model import Backup, Dbms, Verdict
from support.results import TAKEN, manifest

CONFIG = "backup: {directory: b}\ninstances:\n  - {id: 1, dbms: mysql, username: u, password: %s}\n"


def taken(size: int) -> Backup:
    return Backup(Path("b"), Dbms.MYSQL, "shop", TAKEN, size, manifest())


def test_this_python_and_its_packages_are_well() -> None:
    (python,) = machine.python()
    (packages,) = machine.packages()
    assert (python.verdict, packages.verdict) == (Verdict.OK, Verdict.OK)


def test_a_package_that_is_missing_or_out_of_range_is_named_with_what_installs_it(monkeypatch) -> None:
    lines = ["pymysql>=99,<100", "no-such-package>=1", "rich>=13.7", "x>=9; extra == 'y'"]
    monkeypatch.setattr(machine.metadata, "requires", lambda _: lines)
    found = list(machine.packages())
    assert [check.verdict for check in found] == [Verdict.FAILURE] * 2
    assert found[0].hint == "pip install 'pymysql>=99,<100'"
    assert found[1].found == "no-such-package is missing"


def test_a_python_that_is_too_old_is_a_failure(monkeypatch) -> None:
    monkeypatch.setattr(machine.metadata, "metadata", lambda _: {"Requires-Python": ">=3.99"})
    (check,) = machine.python()
    assert (check.verdict, ">=3.99" in check.found) == (Verdict.FAILURE, True)


def test_every_fault_of_a_config_is_a_failure_of_its_own(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "backup: {directory: b, timeoutt: 3}\ninstances:\n  - {id: 1, dbms: oracle, username: u}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    found = list(machine.config(caught.value))
    assert [check.verdict for check in found] == [Verdict.FAILURE] * 2
    assert [check.found.split(":")[1] for check in found] == ["1", "3"]
    assert {check.hint for check in found} == {"vya-backupdb config validate"}


def test_a_config_that_is_not_there_is_one_failure_with_its_hint() -> None:
    (check,) = machine.config(ConfigError("no config file", hint="Make one."))
    assert (check.verdict, check.found, check.hint) == (Verdict.FAILURE, "no config file", "Make one.")


def test_a_config_that_shows_its_password_is_a_warning(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG % "secret")
    path.chmod(0o644)
    (check,) = machine.config(load(path, {}))
    assert (check.verdict, check.hint) == (Verdict.WARNING, f"chmod 600 {path}")
    path.chmod(0o600)
    (check,) = machine.config(load(path, {}))
    assert (check.verdict, check.found) == (Verdict.OK, f"{path}: 1 instances")


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path) -> None:
    place = tmp_path / "deep" / "backups"
    folder, space = machine.folder(place, ())
    assert (folder.verdict, space.verdict) == (Verdict.OK, Verdict.OK)
    assert place.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []


def test_a_folder_that_others_can_look_into_is_a_warning(tmp_path) -> None:
    tmp_path.chmod(0o755)
    folder, _ = machine.folder(tmp_path, ())
    assert (folder.verdict, folder.hint) == (Verdict.WARNING, f"chmod 700 {tmp_path}")
    assert "0755" in folder.found


def test_a_folder_of_another_user_is_a_warning(tmp_path, monkeypatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(machine.os, "geteuid", lambda: 4711)
    folder, _ = machine.folder(tmp_path, ())
    assert (folder.verdict, folder.hint) == (Verdict.WARNING, f"chown 4711 {tmp_path}")


def test_a_file_in_the_folders_place_is_a_failure(tmp_path) -> None:
    place = tmp_path / "b"
    place.write_text("")
    (folder,) = machine.folder(place, ())
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

    monkeypatch.setattr(machine.os, "statvfs", lambda _: Found)
    check = machine.space(tmp_path, tuple(taken(size) for size in sizes))
    assert check.verdict is verdict
    assert (check.hint == f"df -h {tmp_path}") is (verdict is not Verdict.OK)


def test_too_few_inodes_are_a_warning(tmp_path, monkeypatch) -> None:
    class Found:
        f_bavail, f_frsize, f_blocks, f_files, f_favail = 1000, 1, 1000, 5000, 3

    monkeypatch.setattr(machine.os, "statvfs", lambda _: Found)
    check = machine.space(tmp_path, ())
    assert (check.verdict, check.hint) == (Verdict.WARNING, f"df -i {tmp_path}")


def test_a_temporary_folder_that_cannot_be_written_is_a_failure(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(machine.tempfile, "tempdir", str(tmp_path / "none"))
    (check,) = machine.temporary()
    assert (check.verdict, check.hint) == (Verdict.FAILURE, "export TMPDIR=/var/tmp")


def test_sizes_are_shown_as_people_read_them() -> None:
    assert [machine.shown(n) for n in (999, 2048, 3 << 30, 5 << 40)] == [
        "999 bytes",
        "2.0 KiB",
        "3.0 GiB",
        "5.0 TiB",
    ]
