"""A load that a deadlock hits: MariaDB undoes one of two sessions that fill an empty table at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from integration.engines.mysql import dumping
from python_backup.engines.mysql import load, shares
from python_backup.engines.mysql.connection import Session, open_session
from python_backup.errors import StatementFailed
from support import databases
from support.servers import RunningServer, instance_for

FAST = "SET SESSION unique_checks = 0, foreign_key_checks = 0"
TABLE_ALONE, ROWS_TOO = "READ COMMITTED", "REPEATABLE READ"
"""What whoever reads an empty table FOR UPDATE locks: MariaDB's first rows wait for either, others' for the second."""

HEAVY = [f"heavy_{n}" for n in range(20)]
FILL = "INSERT INTO `t` VALUES (1),(2)"
WAITING = (
    "SELECT COUNT(*) FROM information_schema.innodb_trx"
    " WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%INTO `t`%'"
)


@pytest.fixture
def database(mysql_server: RunningServer, new_database) -> str:
    name = new_database(mysql_server, "two")
    databases.execute(mysql_server, name, "CREATE TABLE t (id INT PRIMARY KEY)")
    for table in ("own", *HEAVY):
        databases.execute(
            mysql_server,
            name,
            f"CREATE TABLE {table} (id INT PRIMARY KEY)",
            f"INSERT INTO {table} VALUES (1)",
        )
    return name


def _load(session: Session, *statements: str) -> None:
    text = "".join(f"{sql};\n" for sql in statements)
    load.load(session, dumping.pieces(text.encode()))


@contextmanager
def _waiting(
    server: RunningServer, database: str, isolation: str, *statements: str
) -> Iterator[tuple[Any, Future[None]]]:
    """A session that holds an empty table, in a transaction that no deadlock undoes, and a load that waits for it."""
    with (
        closing(databases.connection(server, database)) as link, link.cursor() as other,
        closing(open_session(instance_for(server), database)) as session, ThreadPoolExecutor() as pool,
    ):  # fmt: skip
        other.execute(FAST)
        other.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
        other.execute("BEGIN")
        for table in (*HEAVY, "t"):
            other.execute(f"SELECT * FROM {table} FOR UPDATE")
        loading = pool.submit(_load, session, FAST, *statements)
        deadline = time.monotonic() + 30
        while not databases.scalar(server, None, WAITING) and not loading.done():
            assert time.monotonic() < deadline
            time.sleep(0.3)  # asked more often than each 0.1 s, the table says what it said
        yield other, loading


def test_a_statement_that_a_deadlock_undid_is_sent_again(mysql_server: RunningServer, database: str) -> None:
    with _waiting(mysql_server, database, TABLE_ALONE, FILL) as (other, loading):
        other.execute("INSERT INTO t VALUES (3)")
        other.execute("COMMIT")
        loading.result(timeout=30)
    assert databases.scalar(mysql_server, database, "SELECT SUM(id) FROM t") == 6


def test_but_not_where_it_undid_what_was_sent_before(mysql_server: RunningServer, database: str) -> None:
    with _waiting(mysql_server, database, ROWS_TOO, "BEGIN", "UPDATE own SET id = 2", FILL) as (
        other,
        loading,
    ):
        other.execute("SELECT * FROM own FOR UPDATE")
        with pytest.raises(
            StatementFailed, match=r"line 4: INSERT INTO `t` VALUES: Deadlock .* \(1213\)"
        ) as error:
            loading.result(timeout=30)
        assert error.value.transient


def test_what_parts_of_one_table_begin_with_keeps_mariadb_from_locking_it(
    mysql_server: RunningServer, database: str
) -> None:
    with _waiting(mysql_server, database, TABLE_ALONE, shares._RANGED.strip("\n;"), FILL) as (_, loading):
        loading.result(timeout=30)
