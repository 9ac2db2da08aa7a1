"""Runs on real servers that are ended by signals: nothing is left of them, and nothing else is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import databases
from support.cli import Program
from support.servers import RunningServer

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ROWS = 200_000
MANY = {
    "postgresql": (
        "CREATE TABLE t (id int PRIMARY KEY, a text)",
        f"INSERT INTO t SELECT i, md5(i::text) || md5((-i)::text) FROM generate_series(1, {ROWS}) i",
    ),
    "mysql": (
        "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, a text)",
        "INSERT INTO t (a) VALUES " + ",".join("(repeat(md5(rand()), 2))" for _ in range(1000)),
        *[f"INSERT INTO t (a) SELECT concat(md5(rand()), md5(rand())) FROM t LIMIT {ROWS}"] * 8,
    ),
}


@dataclass(frozen=True)
class Stage:
    """A program, its database, and a folder of temporary files of its own."""

    program: Program
    database: str
    temporary: Path

    def begin(self) -> subprocess.Popen[str]:
        """A backup that takes long, amid its stream."""
        run = self.program.start(
            "backup", "-i", "1", "-d", self.database, "--format", "zstd", "--level", "22"
        )
        _until(lambda: list(self.program.backups.glob(".*.partial-*")) and list(_children(run.pid)))
        time.sleep(0.5)
        assert run.poll() is None
        return run

    def names(self) -> set[str]:
        return {path.name for path in self.program.backups.iterdir() if path.name != ".locks"} - {".runs"}

    def record(self) -> dict:
        """The latest run's."""
        return json.loads(self.program.run("list", "--runs", "--json").stdout)["runs"][0]

    @property
    def interrupted(self) -> dict:
        """What a record has of the database that was under way."""
        dbms = self.program.server.dbms
        return {"instance": "1", "dbms": dbms, "database": self.database, "outcome": "interrupted"}

    def sessions(self) -> int:
        """Others on the database."""
        asked = {
            "postgresql": f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'",
            "mysql": f"SELECT count(*) FROM information_schema.processlist WHERE db = '{self.database}'",
        }[self.program.server.family]
        return databases.scalar(self.program.server, None, asked)


@pytest.fixture
def stage(family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path) -> Iterator[Stage]:
    database = new_database(family_server, "shop")
    databases.execute(family_server, database, *MANY[family_server.family])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    program = Program(family_server, tmp_path, {"TMPDIR": str(temporary)})
    older = program.run("backup", "-i", "1", "-d", database)
    assert older.returncode == 0, older.stderr
    yield Stage(program, database, temporary)


def _until(done: Callable[[], object], within: float = 30) -> None:
    end = time.monotonic() + within
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def _children(pid: int) -> Iterator[int]:
    """The process's descendants."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_bytes().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != b"Z":
            yield int(stat.parent.name)
            yield from _children(int(stat.parent.name))


def _living(pids: list[int]) -> list[int]:
    return [
        p for p in pids if Path(f"/proc/{p}").exists() and b") Z" not in Path(f"/proc/{p}/stat").read_bytes()
    ]


@pytest.mark.parametrize("number", ENDING)
def test_a_backup_that_is_signalled_ends_its_tree_within_ten_seconds_and_leaves_nothing(
    stage: Stage, number: signal.Signals
) -> None:
    before = stage.names()
    run = stage.begin()
    children, begun = list(_children(run.pid)), time.monotonic()
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, time.monotonic() - begun < 10) == (128 + number, True), err
    assert f"interrupted by {number.name}" in err.splitlines()[-1]
    assert (stage.names(), list(stage.temporary.iterdir()), _living(children)) == (before, [], [])
    assert list((stage.program.folder / "locks").iterdir()) == []
    record = stage.record()
    assert (record["state"], record["exit_code"], record["signal"]) == ("ended", 128 + number, number.name)
    assert record["databases"] == [stage.interrupted]
    _until(lambda: stage.sessions() == 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_backup_in_parts_that_is_signalled_leaves_nothing_that_stays(
    stage: Stage, number: signal.Signals
) -> None:
    before = stage.names()
    run = stage.program.start(
        "backup", "-i", "1", "-d", stage.database, "--jobs", "2", "--format", "zstd", "--level", "22"
    )
    _until(lambda: list(stage.program.backups.glob(".*.partial-*/data/*")))
    time.sleep(0.5)
    children = list(_children(run.pid))
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == (-number if number == signal.SIGKILL else 128 + number), err
    if number == signal.SIGKILL:
        assert len(stage.names()) == len(before) + 1
        stage.program.run("backup", "-i", "1", "--dry-run", "-d", stage.database)
        stage.program.run("backup", "-i", "1", "-d", "is not there")
    assert stage.names() == before
    assert _living(children) == []
    _until(lambda: stage.sessions() == 0)


def test_a_second_ctrl_c_leaves_at_once_and_nothing_behind(stage: Stage) -> None:
    before = stage.names()
    run = stage.begin()
    children = list(_children(run.pid))
    for child in children:
        os.kill(child, signal.SIGSTOP)  # the tidy way would wait for them
    run.send_signal(signal.SIGINT)
    time.sleep(0.7)
    begun = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, time.monotonic() - begun < 1.5) == (130, True), err
    _until(lambda: not _living(children))
    assert (stage.names(), list(stage.temporary.iterdir())) == (before, [])


def test_after_sigkill_children_and_sessions_end_and_the_next_run_clears_up(stage: Stage) -> None:
    before = stage.names()
    run = stage.begin()
    children = list(_children(run.pid))
    run.kill()
    run.communicate(timeout=30)
    _until(lambda: not _living(children), 5)
    _until(lambda: stage.sessions() == 0)
    assert stage.record()["state"] == "killed"
    left = stage.names() - before
    assert [name.rpartition("-")[0].rpartition(".")[2] for name in left] == ["partial"]
    living = stage.begin()
    assert not left & stage.names()
    listed = stage.program.run("backup", "-i", "1", "-d", "none")  # clears up too, but not a living run's
    assert listed.returncode != 0
    assert any(".partial-" in name for name in stage.names())
    living.send_signal(signal.SIGTERM)
    _, err = living.communicate(timeout=30)
    assert all(
        f"removed {stage.program.backups / name}, which a run that was killed left" in err for name in left
    )
    assert (stage.names(), list(stage.temporary.iterdir())) == (before, [])


def test_a_restore_that_is_interrupted_drops_what_it_made_within_ten_seconds(stage: Stage) -> None:
    server, target = stage.program.server, stage.database
    [artifact] = [p for p in stage.program.backups.iterdir() if p.suffix == ".sql"]
    databases.execute(server, target, "DELETE FROM t WHERE id > 7")
    run = stage.program.start(
        "restore", "-f", str(artifact), "-i", "1", "-t", target, "--force", "--disconnect"
    )

    def beside() -> list[str]:
        return [name for name in databases.names(server) if name.startswith(f"{target}__")]

    _until(beside)
    begun = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, time.monotonic() - begun < 10) == (130, True), err
    assert beside() == []
    assert stage.record()["databases"] == [stage.interrupted]
    assert databases.scalar(server, target, "SELECT count(*) FROM t") == 7
