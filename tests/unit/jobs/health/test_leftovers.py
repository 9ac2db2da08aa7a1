"""What dead runs left on this machine."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.jobs.health import leftovers
from python_backup.jobs.health.leftovers import leftover_files
from python_backup.model import Verdict
from python_backup.storage.locks import Locks
from python_backup.stream.private import PREFIX, private_files
from python_backup.stream.publish import publishing

ARTIFACT = "20260113_155440_mysql_shop.sql"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_an_unfinished_file_that_nobody_writes_is_told_with_the_command_that_removes_it(tmp_path) -> None:
    dead = tmp_path / ".a b.sql.partial-0123abcd"
    dead.write_bytes(b"x" * 1234)
    (check,) = leftover_files((tmp_path,))
    assert check.verdict is Verdict.WARNING
    assert "1,234 bytes" in check.found
    assert shlex.split(check.hint) == ["rm", "-r", "--", str(dead)]
    os.system(check.hint)
    (check,) = leftover_files((tmp_path,))
    assert check.verdict is Verdict.OK


def test_an_artifact_whose_run_died_before_its_manifest_is_told_too(tmp_path) -> None:
    dead = tmp_path / f".{ARTIFACT}.partial-0123abcd"
    dead.write_bytes(b"x")
    (tmp_path / ARTIFACT).hardlink_to(dead)
    (check,) = leftover_files((tmp_path,))
    assert ARTIFACT in check.hint.split()[3]


def test_private_folders_of_dead_runs_are_told_and_those_of_living_ones_are_not(
    tmp_path, own_temporary_folder
) -> None:
    with private_files({"my.cnf": b"x"}):
        (check,) = leftover_files((tmp_path,))
        assert check.verdict is Verdict.OK
    (own_temporary_folder / f"{PREFIX}dead").mkdir()
    (check,) = leftover_files((tmp_path,))
    assert (check.verdict, f"{PREFIX}dead" in check.found) == (Verdict.WARNING, True)


def test_a_file_that_is_being_written_is_no_leftover(tmp_path) -> None:
    with publishing(tmp_path / "new.sql"):
        (check,) = leftover_files((tmp_path,))
    assert check.verdict is Verdict.OK


def test_backups_and_missing_folders_are_no_leftovers(tmp_path) -> None:
    (tmp_path / ARTIFACT).write_text("")
    (check,) = leftover_files((tmp_path, tmp_path / "none"))
    assert check.verdict is Verdict.OK


def test_a_lock_that_is_held_tells_its_holder_and_one_of_a_dead_run_is_stale(tmp_path) -> None:
    machine = tmp_path / "locks"
    machine.mkdir(mode=0o700)
    held = Locks(
        machine, tmp_path / "none", "vya-backupdb backup -a", datetime.now(UTC), lambda _: None
    ).database("server", "shop", "shop")
    with ExitStack() as stack:
        stack.enter_context(held)
        (check,) = leftovers.locks((machine,))
        assert (check.verdict, f"pid {os.getpid()} since" in check.found) == (Verdict.OK, True)
        assert check.found.endswith("vya-backupdb backup -a")
        (machine / "dead.lock").write_text("")
        (check,) = leftovers.locks((machine,))
    assert (check.verdict, check.hint) == (Verdict.WARNING, f"rm -r -- {machine / 'dead.lock'}")


def test_without_a_place_for_locks_nothing_can_be_backed_up(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    (check,) = leftovers.locks((tmp_path / "file",))
    assert (check.verdict, "VYA_BACKUPDB_LOCKS" in check.hint) == (Verdict.FAILURE, True)
