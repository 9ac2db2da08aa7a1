"""Records of runs in a real folder."""

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.errors import StorageFailed
from python_backup.model import Run
from python_backup.storage import runs as module
from python_backup.storage.runs import RUNS, begin, runs

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
BEGINS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from python_backup.model import Run
from python_backup.storage.runs import begin
record = begin(Path(sys.argv[1]), Run("20260113T155440Z-00ffee", "backup", datetime.now(UTC)), "vya-backupdb backup -a")
print("begun", flush=True)
time.sleep(600)
"""


def run(number: int) -> Run:
    return Run.of("backup", AT + timedelta(seconds=number), lambda count: b"\0" * count)


def test_a_record_is_there_from_the_beginning_and_whole_at_the_end(tmp_path) -> None:
    record = begin(tmp_path, run(0), "vya-backupdb backup --all")
    [found] = runs(tmp_path)
    assert (found["state"], found["exit_code"], found["words"]) == (
        "running",
        None,
        "vya-backupdb backup --all",
    )
    record.finish({"finished": AT.isoformat(), "exit_code": 7, "databases": [{"path": Path("/b/x")}]})
    [found] = runs(tmp_path)
    assert (found["state"], found["exit_code"], found["databases"]) == ("ended", 7, [{"path": "/b/x"}])
    assert [path.name for path in (tmp_path / RUNS).iterdir()] == ["20260113T155440Z-000000.json"]
    assert stat.S_IMODE((tmp_path / RUNS).stat().st_mode) == 0o700
    assert stat.S_IMODE(record.path.stat().st_mode) == 0o600


def test_a_run_that_was_killed_is_told_from_one_that_lives(tmp_path) -> None:
    argv = [sys.executable, "-c", BEGINS, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        assert [record["state"] for record in runs(tmp_path)] == ["running"]
        process.kill()
    assert [record["state"] for record in runs(tmp_path)] == ["killed"]


def test_the_oldest_records_go_and_the_latest_comes_first(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for number in range(5):
        begin(tmp_path, run(number), "x").finish({"finished": AT.isoformat()})
    assert [record["id"] for record in runs(tmp_path)] == [run(number).id for number in (4, 3, 2)]


def test_of_two_that_began_in_one_second_the_later_one_comes_first(tmp_path) -> None:
    for drawn, microseconds in ((b"\xff\xff\xff", 1), (b"\0\0\0", 2)):
        at = AT + timedelta(microseconds=microseconds)
        begin(tmp_path, Run.of("backup", at, lambda _, drawn=drawn: drawn), "vya-backupdb backup").finish({})
    assert [record["id"][-6:] for record in runs(tmp_path)] == ["000000", "ffffff"]


def test_what_is_no_record_is_passed_over(tmp_path) -> None:
    (tmp_path / RUNS).mkdir()
    for name, text in {"a.json": "{", "b.json": "[]", "c.json": json.dumps({"format": "x"}), "d": ""}.items():
        (tmp_path / RUNS / name).write_text(text)
    assert runs(tmp_path) == ()
    assert runs(tmp_path / "none") == ()


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path) -> None:
    (tmp_path / RUNS).touch()
    with pytest.raises(StorageFailed, match=r"\.runs cannot be written"):
        begin(tmp_path, run(0), "x")
    with pytest.raises(StorageFailed, match=r"\.runs cannot be read"):
        runs(tmp_path)
