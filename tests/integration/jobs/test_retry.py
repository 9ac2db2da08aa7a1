"""Faults that pass are tried again from the start; others fail at once; a server that is down is not waited for twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.errors import ConnectionFailed, NotPermitted, ToolFailed
from python_backup.instance import Instance, Limits, Retry, Secret
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.results import DatabaseResult
from python_backup.jobs.tries import Waits
from python_backup.model import Format
from support import databases
from support.programs import Program
from support.servers import RunningServer, instance_for
from support.silence import Silence
from support.standby import standby_of
from support.stoppable import lone_server

Name = Callable[..., str]

WIDE = 24
"""Rows of a megabyte: more than the pipes and queues between the server and a reader that has stopped."""

LARGE = {
    "postgresql": (
        "CREATE TABLE a (id int, v text)",
        "ALTER TABLE a ALTER v SET STORAGE EXTERNAL",
        f"INSERT INTO a SELECT n, repeat('x', 1000000) FROM generate_series(1, {WIDE}) n",
        "CREATE TABLE z (id int)",
        "INSERT INTO z VALUES (1)",
    ),
    "mysql": (
        "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)",
        *["INSERT INTO a (v) VALUES (REPEAT('x', 1000000))"] * WIDE,
        "CREATE TABLE z (id INT)",
        "INSERT INTO z VALUES (1)",
    ),
}


CHANGES = {
    "ALTER TABLE z ADD COLUMN more INT, ALGORITHM=COPY": r"1412|field count",  # MySQL's mysqldump counts first
    "ALTER TABLE z ADD INDEX (id), ALGORITHM=COPY": "1412",
}
"""What is done to a table amid a dump, and what the dump tool then says."""


@dataclass
class Once(Silence):
    """Does something when the first block of a dump comes, the first time; the dump waits meanwhile."""

    action: Callable[[], None] = lambda: None
    done: bool = False

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Once]:  # type: ignore[override]
        del title, total
        yield self

    def advance(self, size: int) -> None:
        del size
        if not self.done:
            self.done = True
            self.action()


@dataclass
class Run:
    """Backups with three tries, whose waits are counted and take no time; ``meanwhile`` is done in the first."""

    folder: Path
    progress: Silence = field(default_factory=Silence)
    meanwhile: Callable[[], None] = lambda: None
    slept: list[float] = field(default_factory=list)

    def __call__(
        self, *instances: Instance, names: tuple[str, ...] = (), limits: Limits | None = None
    ) -> tuple[DatabaseResult, ...]:
        tried = tuple(
            replace(i, retry=Retry(attempts=3, delay=1), limits=limits or Limits(timeout=60))
            for i in instances
        )
        request = BackupRequest(tried, names, self.folder, Format.NONE, waits=Waits(self._sleep, lambda: 0.5))
        return back_up(request, self.progress, lambda: datetime.now(UTC))

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 1:
            self.meanwhile()


@contextmanager
def held(server: RunningServer, database: str) -> Iterator[Callable[[], None]]:
    """Another session holds the table z for itself, until what is given is called."""
    lock = {
        "postgresql": ["BEGIN", "LOCK TABLE z IN ACCESS EXCLUSIVE MODE"],
        "mysql": ["LOCK TABLES z WRITE"],
    }[server.family]
    with closing(databases.connection(server, database)) as link, link.cursor() as cursor:
        for statement in lock:
            cursor.execute(statement)
        yield lambda: cursor.execute({"postgresql": "ROLLBACK", "mysql": "UNLOCK TABLES"}[server.family])


@pytest.fixture
def shop(family_server: RunningServer, new_database: Name) -> str:
    name = new_database(family_server, "shop")
    databases.execute(family_server, name, "CREATE TABLE z (id INT)", "INSERT INTO z VALUES (1)")
    return name


@pytest.fixture
def large(family_server: RunningServer, new_database: Name) -> str:
    name = new_database(family_server, "large")
    databases.execute(family_server, name, *LARGE[family_server.family])
    return name


def test_a_lock_that_is_let_go_costs_one_try(family_server: RunningServer, shop: str, tmp_path: Path) -> None:
    with held(family_server, shop) as let_go:
        run = Run(tmp_path, meanwhile=let_go)
        (result,) = run(instance_for(family_server), names=(shop,), limits=Limits(timeout=60, lock=1))
    assert (result.outcome, result.attempts, run.slept) == ("done", 2, [0.75]), result.error
    assert result.manifest is not None
    assert (result.manifest.attempts, result.manifest.facts.rows) == (2, 1)
    assert "try 1 of 3 failed" in run.progress.notes[0]


def test_a_lock_that_is_never_let_go_fails_after_all_tries_and_names_the_limit(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    with held(family_server, shop):
        (result,) = Run(tmp_path)(
            instance_for(family_server), names=(shop,), limits=Limits(timeout=60, lock=1)
        )
    assert (result.outcome, type(result.error), result.attempts) == ("failed", ToolFailed, 3)
    assert "lock" in result.error.message
    assert "lock_timeout" in result.error.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_changed_amid_the_dump_has_it_made_again(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, change: str
) -> None:
    name = new_database(mysql_server, "large")
    databases.execute(mysql_server, name, *LARGE["mysql"])
    run = Run(tmp_path, Once(action=lambda: databases.execute(mysql_server, name, change)))
    (result,) = run(instance_for(mysql_server), names=(name,))
    assert (result.outcome, result.attempts) == ("done", 2), (
        result.error,
        result.manifest and result.manifest.errors,
    )
    assert re.search(CHANGES[change], run.progress.notes[0])
    assert len(list(tmp_path.glob("*.sql"))) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_the_last_try_keeps_what_is_partial(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, change: str
) -> None:
    name = new_database(mysql_server, "large")
    databases.execute(mysql_server, name, *LARGE["mysql"])
    once = replace(instance_for(mysql_server), retry=Retry(attempts=1))
    request = BackupRequest((once,), (name,), tmp_path, Format.NONE)
    (result,) = back_up(
        request, Once(action=lambda: databases.execute(mysql_server, name, change)), lambda: datetime.now(UTC)
    )
    assert (result.outcome, result.attempts) == ("partial", 1), result.error
    assert any(re.search(CHANGES[change], error) for error in result.manifest.errors)


def test_a_session_that_is_ended_amid_the_dump_costs_one_try(
    family_server: RunningServer, large: str, tmp_path: Path
) -> None:
    run = Run(tmp_path, Once(action=lambda: databases.end_sessions(family_server, large)))
    (result,) = run(instance_for(family_server), names=(large,))
    assert (result.outcome, result.attempts) == ("done", 2), result.error
    assert len(list(tmp_path.glob("*.sql"))) == 1


def test_a_wrong_password_an_unknown_database_and_a_missing_right_fail_at_once(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    wrong = replace(instance_for(family_server), password=Secret(lambda: "wrong"))
    (refused,) = run(wrong, names=(shop,))
    (unknown,) = run(instance_for(family_server), names=("no_such_database",))
    assert (type(refused.error), refused.attempts, unknown.attempts) == (NotPermitted, 1, 1)
    assert (run.slept, run.progress.notes) == ([], [])


def test_an_instance_that_is_down_costs_its_own_databases_alone(
    family_server: RunningServer, shop: str, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    down = replace(instance_for(family_server, id="down"), port=1)
    first, second = run(down, instance_for(family_server), names=(shop,))
    assert (first.outcome, type(first.error), first.attempts) == ("failed", ConnectionFailed, 3)
    assert (second.outcome, second.attempts, len(run.slept)) == ("done", 1, 2)


def test_a_server_that_goes_down_amid_a_run_fails_its_other_databases_at_once(
    lone_program: Program, tmp_path: Path
) -> None:
    with lone_server(lone_program) as one:
        for name in ("d1", "d2", "d3"):
            databases.create(one.server, name)
        databases.execute(one.server, "d1", *LARGE[one.server.family])
        run = Run(tmp_path, Once(action=one.crash))
        results = run(instance_for(one.server))
    assert [(r.database, r.outcome, r.attempts) for r in results] == [
        ("d1", "failed", 3), ("d2", "failed", 0), ("d3", "failed", 0),
    ]  # fmt: skip
    assert [isinstance(r.error, ConnectionFailed) for r in results] == [True] * 3
    assert len(run.slept) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_restarts_amid_a_dump_costs_one_try(lone_program: Program, tmp_path: Path) -> None:
    with lone_server(lone_program) as one:
        for name in ("d1", "d2"):
            databases.create(one.server, name)
        databases.execute(one.server, "d1", *LARGE[one.server.family])
        run = Run(tmp_path, Once(action=one.crash), meanwhile=one.start)
        results = run(instance_for(one.server))
    assert [(r.outcome, r.attempts) for r in results] == [("done", 2), ("done", 1)], results


def test_a_conflict_with_recovery_on_a_standby_costs_one_try(
    lone_postgresql: Program, tmp_path: Path
) -> None:
    with lone_server(lone_postgresql) as primary:
        databases.create(primary.server, "shop")
        databases.execute(
            primary.server, "shop", *LARGE["postgresql"], "CREATE UNLOGGED TABLE passing (id int)"
        )
        with standby_of(primary, lone_postgresql) as standby:
            run = Run(tmp_path, Once(action=lambda: standby.conflict("shop", "DROP TABLE z")))
            (result,) = run(instance_for(standby.server), names=("shop",))
    assert result.manifest is not None, result.error
    assert result.attempts == 2
    # amid a write the server may say no more before it closes the connection
    assert re.search(r"recovery|server closed the connection", run.progress.notes[0])
    # rows of unlogged tables are not on a standby, and pg_dump leaves them out without a word
    (error,) = result.manifest.errors
    assert "rows of unlogged tables in schema public are not on a standby (passing)" in error
    assert result.outcome == "partial"
