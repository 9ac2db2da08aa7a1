"""Databases on the test servers, made and asked through the drivers, as the superuser."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
from pymysql.constants import CR

if TYPE_CHECKING:
    from support.servers import RunningServer


def connection(server: RunningServer, database: str | None = None) -> Any:
    """A driver connection with autocommit; the caller closes it."""
    if server.family == "postgresql":
        return psycopg.connect(
            host=server.socket or server.host, port=server.port, user=server.superuser, autocommit=True,
            password=server.password, dbname=database or "postgres",
        )  # fmt: skip
    made: Any = pymysql.connect(
        user=server.superuser, password=server.password, database=database, charset="utf8mb4", autocommit=True,
        **({"unix_socket": server.socket, "ssl_disabled": True} if server.socket else _over_tcp(server)),
        defer_connect=True,
    )  # fmt: skip
    if not server.socket:
        made.connect()
        return made
    made._secure = True  # as PyMySQL has it for sockets of its own, which it leaves open where nobody listens
    with ExitStack() as stack:
        link = socket.socket(socket.AF_UNIX)
        stack.callback(link.close)
        try:
            link.connect(server.socket)
        except OSError as exc:
            raise pymysql.err.OperationalError(CR.CR_CONN_HOST_ERROR, f"{server.socket}: {exc}") from exc
        made.connect(link)
        stack.pop_all()
    return made


def _over_tcp(server: RunningServer) -> dict[str, Any]:
    if server.dbms == "mariadb":
        return {"host": server.host, "port": server.port, "ssl_disabled": True}
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the system's authorities take 20 ms to read
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return {"host": server.host, "port": server.port, "ssl": unverified}


def quoted(server: RunningServer, name: str) -> str:
    """The name as the server's SQL writes it."""
    mark = '"' if server.family == "postgresql" else "`"
    return mark + name.replace(mark, mark * 2) + mark


def execute(server: RunningServer, database: str | None, *statements: str) -> None:
    """Runs the statements one by one; ``%`` is only a character."""
    with closing(connection(server, database)) as link, link.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(server: RunningServer, database: str | None, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one question."""
    with closing(connection(server, database)) as link, link.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def version_of(server: RunningServer) -> str:
    """What the server says of itself; empty while it does not answer."""
    with suppress(psycopg.OperationalError, pymysql.err.OperationalError):
        return str(rows(server, None, "SELECT version()")[0][0])
    return ""


def create(server: RunningServer, name: str) -> None:
    """Makes an empty database."""
    like = " TEMPLATE template0" if server.family == "postgresql" else " CHARACTER SET utf8mb4"
    execute(server, None, f"CREATE DATABASE {quoted(server, name)}{like}")


def drop(server: RunningServer, name: str) -> None:
    """Drops the database if it is there, and ends its sessions."""
    force = " WITH (FORCE)" if server.family == "postgresql" else ""
    execute(server, None, f"DROP DATABASE IF EXISTS {quoted(server, name)}{force}")


def end_sessions(server: RunningServer, like: str) -> int:
    """Ends who is connected to databases of these names, as an administrator would; how many there were."""
    if server.family == "postgresql":
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE '{like}'"
        return len(rows(server, None, ended))
    found = rows(server, None, f"SELECT id FROM information_schema.processlist WHERE db LIKE '{like}'")
    for (number,) in found:
        with suppress(pymysql.err.OperationalError):  # it has ended since it was listed
            execute(server, None, f"KILL {number}")
    return len(found)


@contextmanager
def database(server: RunningServer, name: str) -> Iterator[str]:
    """An empty database of this name while the block runs."""
    create(server, name)
    try:
        yield name
    finally:
        drop(server, name)


@contextmanager
def churning(server: RunningServer, name: str) -> Iterator[None]:
    """While the block runs, another session makes tables in the database and drops them."""
    over = threading.Event()

    def churn() -> None:
        with closing(connection(server, name)) as link, link.cursor() as cursor:
            number = 0
            while not over.is_set():
                number += 1
                cursor.execute(f"CREATE TABLE passing_{number} (a INT PRIMARY KEY)")
                over.wait(0.02)
                cursor.execute(f"DROP TABLE passing_{number}")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(churn)
        try:
            yield
        finally:
            over.set()
        done.result()


def scalar(server: RunningServer, database: str | None, statement: str) -> Any:
    """The one value of one question."""
    return rows(server, database, statement)[0][0]


def numbers(server: RunningServer, count: int) -> str:
    """A table ``n`` with one column ``i`` from 1 to ``count``, as FROM takes it.

    Neither a recursion, whose depth MySQL and MariaDB limit, nor a table of information_schema: from one that
    another session changes meanwhile, INSERT takes nothing there (error 1684).
    """
    if server.family == "postgresql":
        return f"generate_series(1, {count}) AS n (i)"
    places = range(len(str(count - 1)))
    digits = "(" + " UNION ALL ".join(f"SELECT {d} AS d" for d in range(10)) + ")"
    value = " + ".join(("1", *(f"{10**p} * d{p}.d" for p in places)))
    joined = ", ".join(f"{digits} AS d{p}" for p in places)
    return f"(SELECT {value} AS i FROM {joined} HAVING i <= {count}) AS n"


def names(server: RunningServer) -> list[str]:
    """The names of all databases."""
    catalog = "pg_database" if server.family == "postgresql" else "information_schema.schemata"
    column = "datname" if server.family == "postgresql" else "schema_name"
    return [name for (name,) in rows(server, None, f"SELECT {column} FROM {catalog}")]
