"""Rows through a psql are those that this process reads, and so are the errors; it needs no TLS for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest

from python_backup.engines.postgresql import connection, copying, parts, psql
from python_backup.engines.postgresql.connection import converting, query
from python_backup.engines.postgresql.dump import Request
from python_backup.engines.postgresql.psql import Psql
from python_backup.engines.postgresql.tools import Toolbox
from python_backup.errors import BackupError, ConnectionFailed, NotPermitted, ToolFailed
from python_backup.instance import Instance, Limits, Secret
from support import databases
from support.servers import RunningServer, instance_for

Name = Callable[..., str]
MANY = b"COPY (SELECT i, repeat(md5(i::text), i %% 40) FROM generate_series(1, %d) i) TO stdout"
NOTHING = b"SET our.own TO 1"
HOSTILE = (
    r"""CREATE TABLE "Ta
\."":x" ("a'\b" text, "c:d" bytea, e float8, f text[])""",
    r"""INSERT INTO "Ta
\."":x" SELECT v, convert_to(v, 'UTF8'), 1 / 3.0, ARRAY[v, NULL] FROM unnest(ARRAY[
    '\.', E'\\.\n', E'\n\\.\n', E'\\. 3\n', '', NULL, '\', E'\\\\.', E'\r\n\t\b\f\v', E'\x01', 'COPY 5', repeat(E'\\.\n', 300000)
    ]) v, generate_series(1, 3)""",
)


@contextmanager
def lane(instance: Instance, database: str = "postgres", *begin: bytes) -> Iterator[Psql]:
    toolbox = Toolbox(instance.tools)
    request = Request(instance, database, 13, Limits())
    with psql.opened(
        request, toolbox.choose("psql", 13), toolbox.environment(), b"UTF8",
        (b"SET jit = off; SET client_encoding TO UTF8", parts._AS_PG_DUMP, *begin),
    ) as opened:  # fmt: skip
        yield opened


def everything(reader: copying.Lane, sql: bytes) -> tuple[int, bytes]:
    found = list(reader.rows(NOTHING, sql))
    return sum(rows for rows, _ in found), b"".join(text for _, text in found)


def test_hostile_rows_are_those_of_the_socket(postgresql_server: RunningServer, new_database: Name) -> None:
    name = new_database(postgresql_server, 'it\'s \\ "hostile"')
    databases.execute(postgresql_server, name, *HOSTILE)
    sql = b'COPY public."Ta\n\\."":x" TO stdout'
    instance = instance_for(postgresql_server)
    with lane(instance, name) as through, closing(connection.connect(instance, name)) as link:
        link.pgconn.send_query(parts._AS_PG_DUMP)
        copying.finished(link)
        direct = copying.Connected(link)
        for rows in (sql, MANY % 0, MANY % 1, MANY % 20_000, sql):
            assert everything(through, rows) == everything(direct, rows)
    assert databases.rows(postgresql_server, None, _sessions(name)) == []


def _sessions(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"SELECT pid FROM pg_stat_activity WHERE datname = '{quoted}'"


def test_what_fails_amid_the_rows_is_raised_as_the_servers(postgresql_server: RunningServer) -> None:
    failing = b"COPY (SELECT 1 / (100000 - i) FROM generate_series(1, 100000) i) TO stdout"
    with lane(instance_for(postgresql_server)) as through, pytest.raises(psycopg.errors.DivisionByZero):
        everything(through, failing)
    with lane(instance_for(postgresql_server), "postgres", b"BEGIN") as through:
        with pytest.raises(psycopg.errors.UndefinedTable, match='relation "nowhere" does not exist'):
            list(through.rows(b"LOCK TABLE nowhere", MANY % 5))
        with pytest.raises((psycopg.OperationalError, ToolFailed)):
            everything(through, MANY % 5)


def test_psql_forgets_how_many_rows_it_wrote_to_its_own_output(postgresql_server: RunningServer) -> None:
    with lane(instance_for(postgresql_server)) as through:
        through._after = b";\n\\echo '\\\\.' :ROW_COUNT\n"
        with pytest.raises(psycopg.OperationalError, match="sent 0 rows, and 5 were read"):
            everything(through, MANY % 5)
        through._after = psql._COUNTED
        assert everything(through, MANY % 5)[0] == 5
        through._after = b";\n" + psql._MARK  # as where `tools.command` leads to it
        assert everything(through, MANY % 5)[0] == 5


@pytest.mark.parametrize("pause", [0, 1], ids=["at once", "while the server waits to write"])
def test_a_session_that_is_ended_amid_the_rows_says_so(
    postgresql_server: RunningServer, new_database: Name, pause: int
) -> None:
    name = new_database(postgresql_server)
    with lane(instance_for(postgresql_server), name) as through:
        blocks = through.rows(NOTHING, MANY % 10_000_000)
        next(blocks)
        time.sleep(pause)
        databases.rows(
            postgresql_server, None, f"SELECT pg_terminate_backend(pid) FROM ({_sessions(name)}) s"
        )
        said = r"terminating|closed the connection|SSL|Connection reset"
        with pytest.raises(ConnectionFailed, match=said), converting("table x cannot be read"):
            list(blocks)


def test_one_that_is_stopped_by_another_thread_raises_and_ends(
    postgresql_server: RunningServer, new_database: Name
) -> None:
    name = new_database(postgresql_server)
    with lane(instance_for(postgresql_server), name) as through:
        blocks = through.rows(NOTHING, b"COPY (SELECT 1, pg_sleep(60)) TO stdout")
        stopping = threading.Timer(0.5, through.stop, (1.0,))
        stopping.start()
        with pytest.raises(ToolFailed, match="ended before it was done"):
            list(blocks)
        stopping.join()


def test_a_wrong_password_and_a_wrong_snapshot_are_said(postgresql_server: RunningServer) -> None:
    right = instance_for(postgresql_server)
    wrong = replace(right, password=Secret(lambda: "wrong"))
    with pytest.raises(NotPermitted, match="password authentication failed") as caught, lane(wrong):
        pass
    assert "username and password of instance" in (caught.value.hint or "")
    with pytest.raises(ConnectionFailed, match="Connection refused"), lane(replace(right, port=1)):
        pass
    begin = (b"BEGIN ISOLATION LEVEL REPEATABLE READ", b"SET TRANSACTION SNAPSHOT '00000003-0000001B-1'")
    with pytest.raises(BackupError, match="snapshot"), converting("no"), lane(right, "postgres", *begin):
        pass


def test_rows_are_those_of_the_snapshot(postgresql_server: RunningServer, new_database: Name) -> None:
    name = new_database(postgresql_server)
    databases.execute(postgresql_server, name, "CREATE TABLE t AS SELECT 1 AS a")
    instance = instance_for(postgresql_server)
    with closing(connection.connect(instance, name)) as leader:
        query(leader, b"BEGIN ISOLATION LEVEL REPEATABLE READ")
        [(snapshot,)] = query(leader, b"SELECT pg_export_snapshot()")
        databases.execute(postgresql_server, name, "INSERT INTO t VALUES (2)")
        begin = (b"BEGIN ISOLATION LEVEL REPEATABLE READ", b"SET TRANSACTION SNAPSHOT '%s'" % snapshot)
        with lane(instance, name, *begin) as through:
            assert everything(through, b"COPY public.t TO stdout") == (1, b"1\n")
