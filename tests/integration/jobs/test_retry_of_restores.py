"""Restores and merges into servers where others work: deadlocks, held locks and ended sessions cost one try."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.errors import StatementFailed
from python_backup.instance import Instance, Limits, Retry
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.merge import MergeRequest, merge
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.tries import Waits
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]

WAITS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{}'",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}
WIDER = {"postgresql": "ALTER TABLE b ALTER held TYPE text", "mysql": "ALTER TABLE b MODIFY held longtext"}


@dataclass
class Waiting:
    """Waits that take no time, and are counted; ``meanwhile`` is called in each."""

    meanwhile: Callable[[], object] = lambda: None
    slept: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()


@pytest.fixture
def shop(private_server: RunningServer, new_database: Name, tmp_path: Path) -> tuple[str, Path]:
    """Two tables of two rows that were changed since their backup, and one that is nobody's business."""
    name = new_database(private_server, "shop")
    databases.execute(
        private_server, name,
        *(f"CREATE TABLE {table} (id int PRIMARY KEY, held varchar(20))" for table in "ab"),
        *(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')" for table in "ab"),
        "CREATE TABLE heavy (id int PRIMARY KEY)",
    )  # fmt: skip
    file = taken(private_server, name, tmp_path / "backups")
    databases.execute(private_server, name, *(f"UPDATE {table} SET held = 'new'" for table in "ab"))
    return name, file


def taken(server: RunningServer, name: str, folder: Path) -> Path:
    request = BackupRequest((instance_for(server),), (name,), folder, Format.NONE)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.path is not None, result.error
    return result.path


def patient(server: RunningServer, **limits: float) -> Instance:
    return replace(instance_for(server), retry=Retry(attempts=3, delay=1), limits=Limits(**limits))


def merging(instance: Instance, file: Path, name: str, waiting: Waiting) -> tuple[Silence, object]:
    progress = Silence()
    waits = Waits(waiting, lambda: 0.5)
    return progress, merge(
        MergeRequest(file, instance, "replace", Pick(("*a", "*b")), name, waits=waits), progress
    )


def until_somebody_waits(server: RunningServer, name: str) -> None:
    end = time.monotonic() + 30
    while not databases.scalar(server, None, WAITS[server.family].format(name)):
        assert time.monotonic() < end, "nobody came to wait for a lock"
        time.sleep(0.2)  # InnoDB renews innodb_trx only when nobody has read it for 0.1 s


@contextmanager
def holding(server: RunningServer, name: str, *statements: str) -> Iterator[Callable[[str], None]]:
    """Another session amid a transaction, which can be given further statements."""
    with closing(databases.connection(server, name)) as link, link.cursor() as cursor:
        if server.family == "postgresql":
            cursor.execute("SET deadlock_timeout TO '1min'")  # the other one is found out first
        cursor.execute("BEGIN")
        for statement in statements:
            cursor.execute(statement)
        yield cursor.execute


def test_a_merge_that_falls_into_a_deadlock_is_tried_again(private_server: RunningServer, shop) -> None:
    name, file = shop
    # InnoDB ends who has changed less
    heavy = f"INSERT INTO heavy SELECT i FROM {databases.numbers(private_server, 500)}"
    with holding(private_server, name, heavy, "UPDATE b SET held = 'mine' WHERE id = 2") as run:

        def cross() -> None:
            until_somebody_waits(private_server, name)
            run("UPDATE a SET held = 'mine' WHERE id = 2")
            run("ROLLBACK")

        other = threading.Thread(target=cross)
        other.start()
        progress, report = merging(patient(private_server), file, name, Waiting(other.join))
    (note,) = progress.notes
    assert ("try 1 of 3 failed" in note, "deadlock" in note.lower()) == (True, True)
    assert [(one.added, one.replaced) for one in report.merged] == [(0, 2), (0, 2)]
    assert databases.rows(private_server, name, "SELECT held FROM b ORDER BY id") == [("one",), ("two",)]


def test_a_merge_waits_for_a_lock_as_long_as_lock_timeout_says_and_comes_again(
    private_server: RunningServer, shop
) -> None:
    name, file = shop
    with holding(private_server, name, "UPDATE b SET held = 'mine' WHERE id = 2") as run:
        begun = time.monotonic()
        waiting = Waiting(lambda: run("ROLLBACK"))
        progress, _ = merging(patient(private_server, lock=1), file, name, waiting)
    assert (len(waiting.slept), time.monotonic() - begun < 20) == (1, True)
    assert "lock" in progress.notes[0].lower()
    assert databases.rows(private_server, name, "SELECT held FROM b ORDER BY id") == [("one",), ("two",)]


def test_a_merge_whose_lock_is_never_let_go_changes_nothing_and_names_the_limit(
    private_server: RunningServer, shop
) -> None:
    name, file = shop
    waiting = Waiting()
    with (
        holding(private_server, name, "UPDATE b SET held = 'mine' WHERE id = 2"),
        pytest.raises(StatementFailed) as caught,
    ):
        merging(patient(private_server, lock=1), file, name, waiting)
    assert (len(waiting.slept), "lock_timeout" in caught.value.hint) == (2, True)
    assert databases.rows(private_server, name, "SELECT DISTINCT held FROM a") == [("new",)]


@dataclass
class Cutting(Silence):
    """Ends the sessions on the new database while it is being filled, the first time."""

    server: RunningServer | None = None
    like: str = ""
    cut: int = 0

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Cutting]:  # type: ignore[override]
        del total
        self.title = title
        yield self

    def advance(self, size: int) -> None:
        del size
        if self.title.startswith("restoring") and not self.cut:
            end = time.monotonic() + 10
            while not self.cut and time.monotonic() < end:
                self.cut = databases.end_sessions(self.server, self.like)


def test_a_restore_whose_sessions_are_ended_amid_the_load_is_made_again_and_asked_about_once(
    private_server: RunningServer, shop, tmp_path: Path
) -> None:
    name, _ = shop
    if private_server.dbms == "mariadb" and private_server.major < (10, 6):
        pytest.skip("before MariaDB 10.6 there is no database beside: it is filled in place, and put back")
    databases.execute(
        private_server, name, WIDER[private_server.family],
        f"INSERT INTO b SELECT i + 10, repeat('x', 100000) FROM {databases.numbers(private_server, 200)}",
    )  # fmt: skip
    file = taken(private_server, name, tmp_path / "large")
    databases.execute(private_server, name, "DELETE FROM a")
    asked: list[object] = []
    progress = Cutting(server=private_server, like=f"{name}\\_\\_restoring%")
    waiting = Waiting()
    request = RestoreRequest(file, patient(private_server), name, waits=Waits(waiting, lambda: 0.5))
    report = restore(
        request, lambda replaced: not asked.append(replaced), progress, lambda: datetime.now(UTC)
    )
    assert (report.equal, report.taken_over, progress.cut > 0) == (True, True, True)
    assert (len(asked), len(waiting.slept), "try 1 of 3" in progress.notes[-1]) == (1, 1, True)
    assert databases.scalar(private_server, name, "SELECT count(*) FROM a") == 2
    assert [one for one in databases.names(private_server) if "__restoring_" in one] == []
    databases.drop(private_server, report.before)


def test_a_dump_that_falls_into_a_deadlock_is_made_again(
    private_server: RunningServer, shop, tmp_path: Path
) -> None:
    """Only pg_dump keeps locks while it waits for others; mysqldump lets go of each table."""
    name, _ = shop
    if private_server.family != "postgresql":
        pytest.skip("mysqldump in one snapshot never waits for a lock while it holds another")
    databases.execute(private_server, None, f"ALTER DATABASE {name} SET deadlock_timeout TO '1s'")
    waiting = Waiting()
    instance = patient(private_server, lock=60)
    request = BackupRequest(
        (instance,), (name,), tmp_path / "again", Format.NONE, waits=Waits(waiting, lambda: 0.5)
    )
    with holding(private_server, name, "LOCK TABLE heavy IN ACCESS EXCLUSIVE MODE") as run:

        def cross() -> None:
            until_somebody_waits(private_server, name)
            run("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
            run("ROLLBACK")

        other = threading.Thread(target=cross)
        other.start()
        waiting.meanwhile = other.join
        progress = Silence()
        (result,) = back_up(request, progress, lambda: datetime.now(UTC))
    assert (result.outcome, result.attempts) == ("done", 2), result.error
    assert "deadlock detected" in progress.notes[0]
