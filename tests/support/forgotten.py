"""Tables whose files MySQL forgets in a crash amid their renaming, though they are there (bugs.mysql.com 113416)."""

from __future__ import annotations

from pymysql import MySQLError

from support import databases
from support.stoppable import Stoppable

MISSING = 1812
_ALL = "SELECT table_schema, table_name FROM information_schema.tables WHERE engine = 'InnoDB'"


def forgotten(victim: Stoppable) -> list[tuple[str, str]]:
    """Database and table of each."""
    server = victim.server
    return [
        (database, table)
        for database, table in databases.rows(server, None, _ALL)
        if database not in ("mysql", "sys") and not _opens(victim, database, table)
    ]


def _opens(victim: Stoppable, database: str, table: str) -> bool:
    server = victim.server
    try:
        name = databases.quoted(server, table)
        databases.rows(server, None, f"SELECT 1 FROM {databases.quoted(server, database)}.{name} LIMIT 1")
    except MySQLError as exc:
        if exc.args[0] == MISSING:
            return False
        raise
    return True


def remembered(victim: Stoppable) -> None:
    """Has a MySQL that was started after a crash know all its files: it is started once more if it does not."""
    if victim.server.dbms == "mysql" and forgotten(victim):
        victim.crash()
        victim.start()
        assert forgotten(victim) == []
