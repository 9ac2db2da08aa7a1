"""Rows off the socket are those of libpq; what else the server says is heard; the connection goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from python_backup.engines.postgresql import connection, copying
from python_backup.engines.postgresql.connection import query
from support import databases
from support.servers import RunningServer, instance_for

Name = Callable[..., str]
MANY = b"COPY (SELECT i, repeat(md5(i::text), i %% 40) FROM generate_series(1, %d) i) TO stdout"


@contextmanager
def linked(server: RunningServer, *, socket: bool) -> Iterator[psycopg.Connection]:
    with closing(connection.connect(instance_for(server, socket=socket), "postgres")) as link:
        query(link, b"SET jit = off")  # a server that was taken out of its package may lack what that needs
        yield link


def everything(link: psycopg.Connection, sql: bytes) -> tuple[int, bytes]:
    found = list(copying.copied(link, sql))
    return sum(rows for rows, _ in found), b"".join(text for _, text in found)


@pytest.mark.parametrize("rows", [0, 1, 20_000])
def test_rows_are_the_same_whoever_reads_them(postgresql_server: RunningServer, rows: int) -> None:
    with linked(postgresql_server, socket=True) as link:
        direct = everything(link, MANY % rows)
        link.pgconn.send_query(MANY % rows)
        by_libpq = list(copying._by_libpq(link))
        assert direct[0] == rows
        assert direct == (sum(n for n, _ in by_libpq), b"".join(text for _, text in by_libpq))
        assert query(link, b"SELECT 1") == [(b"1",)]


def test_a_row_of_megabytes_is_never_whole_in_memory(postgresql_server: RunningServer) -> None:
    sql = b"COPY (SELECT repeat('x', 5000000) UNION ALL SELECT 'y') TO stdout"
    with linked(postgresql_server, socket=True) as link:
        blocks = list(copying.copied(link, sql))
    assert b"".join(text for _, text in blocks) == b"x" * 5_000_000 + b"\ny\n"
    assert sum(rows for rows, _ in blocks) == 2
    assert max(len(text) for _, text in blocks) < 1_000_000


def test_notices_amid_the_rows_are_heard(postgresql_server: RunningServer, new_database: Name) -> None:
    name = new_database(postgresql_server)
    talking = "CREATE FUNCTION talk(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', repeat('n', i); RETURN i; END $$"
    databases.execute(postgresql_server, name, talking)
    heard: list[str] = []
    with closing(connection.connect(instance_for(postgresql_server), name)) as link:
        link.add_notice_handler(lambda said: heard.append(said.message_primary or ""))
        rows, _ = everything(link, b"COPY (SELECT talk(i) FROM generate_series(1, 1000) i) TO stdout")
    assert (rows, [len(said) for said in heard]) == (1000, list(range(1, 1001)))


@pytest.mark.parametrize("socket", [True, False])
def test_what_fails_amid_the_rows_is_raised(postgresql_server: RunningServer, *, socket: bool) -> None:
    failing = b"COPY (SELECT 1 / (100000 - i) FROM generate_series(1, 100000) i) TO stdout"
    with linked(postgresql_server, socket=socket) as link:
        with pytest.raises(psycopg.errors.DivisionByZero):
            everything(link, failing)
        with pytest.raises(psycopg.errors.UndefinedTable):
            everything(link, b"COPY nowhere TO stdout")
        assert query(link, b"SELECT 1") == [(b"1",)]


@pytest.mark.parametrize("pause", [0, 1], ids=["at once", "while the server waits to write"])
def test_a_session_that_is_ended_amid_the_rows_says_so(postgresql_server: RunningServer, pause: int) -> None:
    with linked(postgresql_server, socket=True) as link:
        blocks = copying.copied(link, MANY % 10_000_000)
        next(blocks)
        time.sleep(pause)
        pid = link.pgconn.backend_pid
        databases.execute(postgresql_server, None, f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg.OperationalError, match=r"terminating connection|closed the connection"):
            list(blocks)


def test_a_cancelled_copy_ends_and_the_connection_goes_on(postgresql_server: RunningServer) -> None:
    with linked(postgresql_server, socket=True) as link:
        blocks = copying.copied(link, MANY % 10_000_000)
        next(blocks)
        link.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            list(blocks)
        assert query(link, b"SELECT 1") == [(b"1",)]
