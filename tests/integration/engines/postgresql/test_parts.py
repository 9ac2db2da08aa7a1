"""Parts hold what the snapshot holds, whatever is done to the tables between it and the reading of them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from python_backup.dump.facts import FactsCounter
from python_backup.engines.engine import Server
from python_backup.engines.parts import PartsSource
from python_backup.engines.postgresql import parts
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, ConnectionFailed, ToolFailed
from python_backup.instance import Dbms, Limits
from python_backup.jobs.connected import connected
from python_backup.model import Facts, PartKind, Scope
from support import databases
from support.servers import RunningServer, instance_for

ROWS = 4000
SCHEMA = (
    "CREATE TABLE small (id int, t text)",
    "INSERT INTO small SELECT i, 'x' FROM generate_series(1, 10) i",
    "CREATE INDEX small_id ON small (id)",
    "CREATE TABLE big (id int, t text)",
    f"INSERT INTO big SELECT i, repeat('x', 100) FROM generate_series(1, {ROWS}) i",
    "CREATE SCHEMA blue",
    "CREATE SCHEMA green",
    "CREATE TABLE blue.t (id int, t text)",
    "CREATE TABLE green.t (LIKE blue.t)",
    f"INSERT INTO blue.t SELECT i, repeat('b', 100) FROM generate_series(1, {ROWS}) i",
    f"INSERT INTO green.t SELECT i, repeat('g', 100) FROM generate_series(1, {ROWS // 2}) i",
)
HELD = {"blue.t": ROWS, "green.t": ROWS // 2, "public.big": ROWS, "public.small": 10}
AT_ONCE = "SET lock_timeout = '200ms'"
SWAP = (
    "ALTER SCHEMA blue RENAME TO old",
    "ALTER SCHEMA green RENAME TO blue",
    "ALTER SCHEMA old RENAME TO green",
)
KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND query LIKE '%SAVEPOINT looking%' AND pid <> pg_backend_pid()"
)

Between = Callable[[PartsSource, int], None]


@pytest.fixture
def filled(postgresql_server: RunningServer, new_database: Callable[..., str]) -> str:
    name = new_database(postgresql_server, "between")
    databases.execute(postgresql_server, name, *SCHEMA)
    return name


def _read(server: Server, database: str, between: Between) -> Facts:
    """The facts of all parts, definitions first; called between them with how many are read."""
    dialect = ENGINES[Dbms.POSTGRESQL].dialect
    counter = FactsCounter(dialect.objects(), dialect.statements(database))
    with server.plan_parts(database, Limits(timeout=120, lock=5), 2, Scope.INSTANCE).start() as source:
        between(source, 0)
        rows_last = sorted(source.parts, key=lambda part: (part.table != "", part.kind is PartKind.AFTER))
        for number, part in enumerate(rows_last):
            with source.read(part, number % source.lanes) as pieces:
                for piece in pieces:
                    counter.take(piece)
            between(source, number + 1)
    return counter.result()


@pytest.mark.parametrize(
    "change",
    [
        ("TRUNCATE small",),
        ("TRUNCATE big",),
        ("DROP TABLE small", "CREATE TABLE small (id int, t text)"),
        ("ALTER TABLE small ALTER id TYPE bigint",),
        ("VACUUM FULL big",),
    ],
    ids=" ".join,
)
def test_tables_are_kept_from_all_that_no_snapshot_sees_through(
    postgresql_server: RunningServer, filled: str, change: tuple[str, ...]
) -> None:
    tried = []

    def between(_source: PartsSource, read: int) -> None:
        if read < 3:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                databases.execute(postgresql_server, filled, AT_ONCE, *change)
            tried.append(read)

    with connected(instance_for(postgresql_server)) as server:
        facts = _read(server, filled, between)
    assert tried == [0, 1, 2]
    assert {table.name: table.rows for table in facts.tables} == HELD
    assert facts.objects["indexes"] == ("public.small_id",)


@pytest.mark.parametrize("when", range(5))
def test_schemas_that_take_each_others_names_fail_the_backup(
    postgresql_server: RunningServer, filled: str, when: int
) -> None:
    def between(_source: PartsSource, read: int) -> None:
        if read == when:
            databases.execute(postgresql_server, filled, *SWAP)

    with (
        connected(instance_for(postgresql_server)) as server,
        pytest.raises(BackupError, match=r"its schema '(blue|green)' got another name") as raised,
    ):
        _read(server, filled, between)
    assert raised.value.transient


def test_without_the_session_that_keeps_the_tables_nothing_is_believed(
    postgresql_server: RunningServer, filled: str
) -> None:
    def between(_source: PartsSource, read: int) -> None:
        if read == 3:  # all that pg_dump reads
            databases.execute(postgresql_server, filled, KILL, "TRUNCATE big")

    with (
        connected(instance_for(postgresql_server)) as server,
        pytest.raises(ConnectionFailed, match="were not kept from changes"),
    ):
        _read(server, filled, between)


def test_a_database_whose_tables_are_made_all_the_time_is_not_believed(
    postgresql_server: RunningServer, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, made = parts.all_names, []

    def names(link: psycopg.Connection) -> object:
        found = asked(link)
        made.append(f"made_{len(made)}")
        databases.execute(postgresql_server, filled, f"CREATE TABLE {made[-1]} AS SELECT 1 AS id")
        return found

    monkeypatch.setattr(parts, "all_names", names)
    with (
        connected(instance_for(postgresql_server)) as server,
        pytest.raises(ToolFailed, match="change all the time") as raised,
    ):
        _read(server, filled, lambda _source, _read: None)
    assert raised.value.transient


@pytest.mark.parametrize("gone", [b"public.gone", b"gone.small"])
def test_a_database_whose_tables_are_dropped_all_the_time_is_tried_again(
    postgresql_server: RunningServer, filled: str, monkeypatch: pytest.MonkeyPatch, gone: bytes
) -> None:
    asked = parts.all_names
    monkeypatch.setattr(parts, "all_names", lambda link: {**asked(link), "0": gone})
    with (
        connected(instance_for(postgresql_server)) as server,
        pytest.raises(ToolFailed, match="change all the time") as raised,
    ):
        _read(server, filled, lambda _source, _read: None)
    assert raised.value.transient
