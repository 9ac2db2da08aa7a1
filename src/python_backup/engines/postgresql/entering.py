"""Reaching the server itself: through a database that every server has."""

from __future__ import annotations

import re
from collections.abc import Collection

import psycopg

from python_backup.engines.postgresql import connection
from python_backup.errors import ServerError
from python_backup.instance import Instance

DOORS = ("postgres", "template1")
"""Databases through which the server itself is asked, the first that is there."""


def enter(instance: Instance, without: Collection[str] = ()) -> psycopg.Connection:
    """A connection to the first of the databases that every server has and that lets the account in.

    To none of ``without``: they are about to change their names.
    """
    failures: list[ServerError] = []
    for database in (door for door in DOORS if door not in without):
        try:
            return connection.connect(instance, database)
        except ServerError as exc:
            if not re.search(r"database .* does not exist|denied for database|pg_hba\.conf", exc.message):
                raise
            failures.append(exc)
    raise failures[0]
