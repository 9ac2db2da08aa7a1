"""What makes a move of tables between databases impossible, found before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from python_backup.engines.mysql import rights, survey, target
from python_backup.engines.mysql.connection import Session
from python_backup.engines.mysql.definitions import Definition
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.replacing import Swap
from python_backup.errors import DatabaseMissing, NotPermitted, Refused

LONGEST_NAME = 64
"""Characters in a database's name (MySQL Reference Manual, "Identifier Length Limits"; MariaDB alike)."""

_NEEDED = (
    "SELECT", "INSERT", "CREATE", "DROP", "ALTER", "LOCK TABLES", "CREATE VIEW", "SHOW VIEW", "TRIGGER",
    "EVENT", "CREATE ROUTINE", "ALTER ROUTINE",
)  # fmt: skip


CUT = "MariaDB {version} renames tables in steps that a crash can cut (atomic from 10.6 on)"
_ATOMIC = (10, 6)


def fits(name: str) -> bool:
    """Whether the name is short enough for a database."""
    return len(name) <= LONGEST_NAME


class Unmovable(Refused):
    """These tables cannot be moved, or not without harm; nothing was touched."""


def check_names(session: Session, swap: Swap) -> None:
    """Sees that the databases are there, or free, as the swap says.

    Raises:
        DatabaseMissing: there is no fresh database.
        Refused: another name is taken, or missing.
    """
    if not survey.exists(session, swap.fresh):
        raise DatabaseMissing(f"there is no database {swap.fresh!r} to take the place of {swap.target!r}")
    if survey.exists(session, swap.target) != (swap.before is not None):
        state = "there is no database" if swap.before is not None else "there is already a database"
        raise Refused(f"{state} {swap.target!r}")
    if swap.before is not None and survey.exists(session, swap.before):
        raise Refused(f"there is already a database {swap.before!r}")


def check_move(session: Session, swap: Swap) -> None:
    """Looks for what cannot be moved with RENAME TABLE, or would point elsewhere after it.

    Raises:
        Unmovable: with all that was found.
        NotPermitted: rights on one of the databases are missing.
    """
    _check_rights(session, swap)
    databases = [swap.fresh] + ([swap.target] if swap.before is not None else [])
    found = [reason for database in databases for reason in reasons(session, database)]
    if found:
        raise Unmovable(
            f"{swap.target!r} cannot be replaced by moving its tables: {'; '.join(found)}",
            hint="Remove what is named here for the restore, restore under another name with --target,"
            " or let it be filled in place, behind a safety backup: without --no-in-place.",
        )


def cut_by_crashes(session: Session) -> tuple[str, ...]:
    """Why nothing that is to be kept is moved on this server; nothing where its moves are whole or undone.

    MySQL 8 and MariaDB 10.6.1 undo a RENAME TABLE that they crashed in ("Atomic DDL"); MariaDB 10.5.29,
    killed there, could not open a table any more (error 1932).
    """
    found = re.match(r"(\d+)\.(\d+)", session.version)
    if found is None or not survey.is_mariadb(session):
        return ()
    old = (int(found[1]), int(found[2])) < _ATOMIC
    return (CUT.format(version=found[0]),) if old else ()


def reasons(session: Session, database: str) -> Iterator[str]:
    """What of the database cannot be moved, or would point elsewhere after it."""
    for schema, table, name in session.rows(
        "SELECT constraint_schema, table_name, constraint_name"
        " FROM information_schema.referential_constraints"
        " WHERE unique_constraint_schema = %s AND constraint_schema <> %s",
        database, database,
    ):  # fmt: skip
        yield (
            f"the foreign key {name!r} of {schema}.{table} references a table of {database!r},"
            " and would follow it to another name"
        )
    for (table,) in session.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND engine = 'MRG_MyISAM'",
        database,
    ):
        yield f"the table {table!r} of {database!r} is a MERGE of tables that it names with their database"
    for sql, what in _KINDS:
        try:
            names = session.rows(sql, database)
        except ServerSaid:
            continue  # a server without such objects
        for (name,) in names:
            yield what.format(name=name, database=database)


_LIBRARIES = "SELECT library_name FROM information_schema.libraries WHERE library_schema = %s"
_READ_ONLY = """
SELECT schema_name FROM information_schema.schemata_extensions
WHERE schema_name = %s AND options LIKE '%%READ ONLY=1%%'
"""
_KINDS = (
    (_LIBRARIES, "the library {name!r} of {database!r} is used by routines under its database's name"),
    (_READ_ONLY, "{database!r} is read-only"),
)
"""What only some versions of MySQL know."""


def _check_rights(session: Session, swap: Swap) -> None:
    lines = [line for (line,) in session.rows("SHOW GRANTS")]
    if any(" ON " not in line for line in lines):
        return  # roles: what they give does not stand here
    for database in filter(None, (swap.fresh, swap.target, swap.before)):
        held = rights.read(lines, database)
        lacks = [right for right in _NEEDED if not held.has(right)]
        if lacks:
            raise NotPermitted(
                f"the account lacks rights on {database!r}: {', '.join(lacks)}",
                hint=f"GRANT {', '.join(lacks)} on the database to the account.",
            )


def check_definitions(session: Session, found: tuple[Definition, ...]) -> None:
    """Sees that what is dropped may be made again by this account.

    Raises:
        NotPermitted: another account is definer, or functions and triggers may not be made.
    """
    user, host = target.current_account(session)
    held = rights.read((line for (line,) in session.rows("SHOW GRANTS")), "")
    if not any(held.has_everywhere(right) for right in target.DEFINER_RIGHTS):
        for definition in found:
            if definition.definer and definition.definer != f"{user}@{host}":
                raise NotPermitted(
                    f"the {definition.kind.lower()} {definition.name!r} has the definer {definition.definer}",
                    hint="Grant SET_ANY_DEFINER (MySQL; SET_USER_ID before 8.2) or SET USER (MariaDB).",
                )
    guarded = session.value("SELECT @@log_bin AND NOT @@log_bin_trust_function_creators")
    if guarded and not held.has_everywhere("SUPER") and any(d.kind in _LOGGED for d in found):
        raise NotPermitted(
            "functions and triggers may not be made while the binary log is on",
            hint="Run SET GLOBAL log_bin_trust_function_creators = 1 on the server, or grant SUPER.",
        )


_LOGGED = ("FUNCTION", "TRIGGER")


def tables(session: Session, database: str) -> tuple[str, ...]:
    """The tables and sequences, without those of the program's own."""
    found = survey.relations(session, database)
    return tuple(r.name for r in found if r.kind != "VIEW" and r.name not in survey.OWN_TABLES)
