"""The log file: private, rotated, shared by processes, and never the end of a run."""

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from python_backup.log.file import LogFile

WRITER = """
import logging, sys
from pathlib import Path
from python_backup.log.file import LogFile
handler = LogFile(Path(sys.argv[1]), 4000, 1000, sys.exit)
for number in range(400):
    handler.handle(logging.makeLogRecord({"msg": f"{sys.argv[2]} {number} " + "x" * 40}))
"""


def record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text})


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def opened(path: Path, max_size: int = 1000, keep: int = 2) -> LogFile:
    return LogFile(path, max_size, keep, pytest.fail)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
def test_the_file_and_its_folders_are_its_owners_alone(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "a" / "b" / "log"
    with umask(mask), closing(opened(path, max_size=10)) as log:
        log.handle(record("one line"))
        log.handle(record("another"))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "a").rglob("*")}
    assert modes == {"b": 0o700, "log": 0o600, "log.1": 0o600}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    path.chmod(0o644)
    with closing(opened(path)) as log:
        log.handle(record("new"))
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "old\nnew\n")


def test_full_files_move_on_and_the_oldest_goes(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log", max_size=10, keep=2)) as log:
        for number in range(5):
            log.handle(record(f"line {number}"))
    held = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert held == {"log": "line 4\n", "log.1": "line 3\n", "log.2": "line 2\n"}


def test_none_may_be_kept(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log", max_size=10, keep=0)) as log:
        for number in range(3):
            log.handle(record(f"line {number}"))
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert (tmp_path / "log").read_text() == "line 2\n"


def test_a_line_longer_than_a_file_is_not_cut(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log", max_size=10)) as log:
        log.handle(record("x" * 5000))
    assert (tmp_path / "log").read_text() == "x" * 5000 + "\n"


def test_a_file_that_logrotate_took_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with closing(opened(path)) as log:
        log.handle(record("before"))
        path.rename(tmp_path / "taken")
        log.handle(record("after"))
    assert (path.read_text(), (tmp_path / "taken").read_text()) == ("after\n", "before\n")


def test_several_processes_lose_no_line_and_cut_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert all(file.stat().st_size <= 4000 for file in tmp_path.iterdir())
    assert sorted(lines) == sorted(f"{name} {n} " + "x" * 40 for name in "abc" for n in range(400))


def test_what_cannot_be_written_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with closing(LogFile(Path("/dev/full"), 1000, 1, said.append)) as log:
        log.handle(record("one"))
        log.handle(record("two"))
        assert not log.works
    assert said == ["/dev/full cannot be written: No space left on device"]
    (tmp_path / "file").touch()
    with closing(LogFile(tmp_path / "file" / "log", 1000, 1, said.append)) as log:
        log.handle(record("one"))
    assert len(said) == 2


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "log")) as log:
        log.handle(record(json.dumps("\udcff", ensure_ascii=False)))
    assert json.loads((tmp_path / "log").read_text()) == "\udcff"


def test_the_lines_mode_is_not_given_to_a_device(tmp_path: Path) -> None:
    before = Path("/dev/null").stat().st_mode
    with closing(opened(Path("/dev/null"))) as log:
        log.handle(record("gone"))
    assert Path("/dev/null").stat().st_mode == before
