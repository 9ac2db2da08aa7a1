"""What the target's server and account know, as the rewriter asks for it."""

from __future__ import annotations

import functools
import threading

import psycopg

from python_backup.dump.postgresql.rewriter import Target
from python_backup.engines.postgresql.connection import converting, query, text


def known(connection: psycopg.Connection, database: str) -> Target:
    """The dialect's ``Target`` for a new database on this server, asked through ``connection``.

    It may be asked by several threads.
    """
    turn = threading.Lock()

    @functools.cache
    def knows_setting(name: str) -> bool:
        with turn, converting(f"setting {name!r} cannot be asked for"):
            [(value,)] = query(connection, b"SELECT pg_catalog.current_setting($1, true)", name.encode())
        return value is not None or "." in name  # a name with a dot may be set freely

    version = connection.pgconn.server_version
    usable = b"'SET'" if version >= 160000 else b"'MEMBER'"  # noqa: PLR2004 - PostgreSQL 16 parted the two
    roles = query(
        connection,
        b"SELECT rolname, pg_catalog.pg_has_role(oid, " + usable + b") FROM pg_catalog.pg_roles",
    )
    return Target(
        database=database,
        version=version,
        knows_setting=knows_setting,
        roles=frozenset(text(name) for name, _ in roles),
        owners=frozenset(text(name) for name, allowed in roles if allowed == b"t"),
    )
