"""Makes a database hold just the given definitions: what is the same stays, the rest is dropped or made.

It can be run again at any point, whatever an earlier run left; so it serves to go on as well as to undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import (
    PLAIN,
    ROUTINES,
    Definition,
    events,
    read,
    trigger_names,
    triggers,
)
from python_backup.engines.mysql.refused import ServerSaid

_TRIGGER_EXISTS = 1359


def make(session: Session, database: str, wanted: Iterable[Definition]) -> list[str]:
    """Makes the database hold these and no others; returns warnings.

    Raises:
        ServerSaid: the server refused a statement.
        NotPermitted: a right is missing.
    """
    wanted = tuple(wanted)
    make_triggers(session, database, [d for d in wanted if d.kind == "TRIGGER"])
    present = read(session, database)
    same = _same(present, wanted)
    surplus = [d for d in present if d not in same and d.kind not in ("TRIGGER", "VIEW")]
    for definition in reversed(surplus):
        drop(session, database, definition)
    for definition in wanted:
        if definition.kind in ROUTINES and definition not in same:
            create(session, database, definition)
    views = [d for d in wanted if d.kind == "VIEW"]
    warnings = _make_views(session, database, [d for d in views if d not in same])
    names = {d.name for d in views}
    for definition in present:
        if definition.kind == "VIEW" and definition.name not in names:
            drop(session, database, definition)
    for definition in wanted:
        if definition.kind == "EVENT" and definition not in same:
            create(session, database, definition)
    return warnings


def make_triggers(session: Session, database: str, wanted: Sequence[Definition]) -> None:
    """Makes all of the database's triggers anew, in their order, unless they are just these."""
    session.rows(PLAIN)
    session.use(database)
    if triggers(session, database) == tuple(wanted):
        return
    drop_triggers(session, database)
    for definition in wanted:
        try:
            create(session, database, definition)
        except ServerSaid as exc:
            if exc.code != _TRIGGER_EXISTS:
                raise
            # MariaDB 10.11 and 11.8, crashed amid DROP TRIGGER: its name is kept in a file, and nothing else
            session.rows(f"DROP TRIGGER IF EXISTS {quoted(database)}.{quoted(definition.name)}")
            create(session, database, definition)


def drop_triggers(session: Session, database: str) -> None:
    """Drops all of the database's triggers."""
    for name in trigger_names(session, database):
        session.rows(f"DROP TRIGGER IF EXISTS {quoted(database)}.{quoted(name)}")


def make_events(session: Session, database: str, wanted: Iterable[Definition]) -> None:
    """Makes those of the events that are not there just so; others stay."""
    session.rows(PLAIN)
    session.use(database)
    present = events(session, database)
    for definition in wanted:
        if definition.kind == "EVENT" and definition not in present:
            drop(session, database, definition)
            create(session, database, definition)


def drop_running_events(session: Session, database: str) -> None:
    """Drops the events that the server would begin by itself."""
    session.rows(PLAIN)
    session.use(database)
    for definition in events(session, database):
        if definition.enabled:
            drop(session, database, definition)


def _same(present: Sequence[Definition], wanted: Sequence[Definition]) -> set[Definition]:
    """What is there as it is wanted; a package's body goes with its package."""
    same = set(present) & set(wanted)
    packages = {d.name for d in same if d.kind == "PACKAGE"}
    return {d for d in same if d.kind != "PACKAGE BODY" or d.name in packages}


def _make_views(session: Session, database: str, missing: Sequence[Definition]) -> list[str]:
    """Makes views on views without knowing their order: those that fail are tried again after the others."""
    left, dropped = list(missing), False
    while left:
        failed: list[tuple[Definition, ServerSaid]] = []
        for definition in left:
            try:
                create(session, database, definition)
            except ServerSaid as exc:
                failed.append((definition, exc))
        sound = [pair for pair in failed if not pair[0].broken]
        if len(failed) < len(left) or (sound and not dropped):
            if len(failed) == len(left):  # old views that stand for each other are in the way
                for definition in left:
                    drop(session, database, definition)
                dropped = True
            left = [definition for definition, _ in failed]
            continue
        if sound:
            raise sound[0][1]
        return [
            f"the view {d.name!r} was broken before, and was left out of {database!r}: {e.reason}"
            for d, e in failed
        ]
    return []


def drop(session: Session, database: str, definition: Definition) -> None:
    """Drops the object, if it is there. MariaDB knows packages in the mode ORACLE alone."""
    session.rows("SET SESSION sql_mode = %s", definition.sql_mode)
    session.rows(f"DROP {definition.kind} IF EXISTS {quoted(database)}.{quoted(definition.name)}")
    session.rows(PLAIN)


def create(session: Session, database: str, definition: Definition) -> None:
    """Makes the object in the session's database, under the settings that it was made with."""
    if definition.database_collation:
        set_collation(session, database, definition.database_collation)
    sql = definition.create
    if definition.kind == "VIEW":
        sql = b"CREATE OR REPLACE " + sql.removeprefix(b"CREATE ")
    session.rows(
        "SET SESSION sql_mode = %s, time_zone = %s,"
        f" character_set_client = {definition.charset}, collation_connection = {definition.collation}",
        definition.sql_mode, definition.time_zone,
    )  # fmt: skip
    if definition.made:
        session.rows(f"SET SESSION timestamp = {definition.made}")
    try:
        session.send(sql)
    finally:
        session.rows(PLAIN + ", timestamp = DEFAULT")


def set_collation(session: Session, database: str, collation: str) -> None:
    """Makes it the database's own collation: a routine's parameters take theirs from it when it is made."""
    sql = "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s"
    if session.value(sql, database) != collation:
        session.rows(f"ALTER DATABASE {quoted(database)} COLLATE {collation}")
