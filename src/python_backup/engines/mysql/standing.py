"""Contents that cannot be moved under another name are emptied, and filled again, where they stand.

A table of the program's own marks the database from before the first drop until all is there again: while
it is there the contents are a part of what they should be, and its comment tells where the old ones are.
"""

from __future__ import annotations

from collections.abc import Collection

from python_backup.engines.mysql import events, making, movable, sessions, survey
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import PLAIN, read, woken

_MARK = "vya-backupdb filling "
_LOCK_SECONDS = 60


def half_filled(session: Session, database: str) -> str | None:
    """What `empty` was told, as long as the database is not filled again."""
    comment = session.value(
        "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        database,
        survey.EMPTIED,
    )
    if comment is None:
        return None
    return bytes.fromhex(str(comment).removeprefix(_MARK)).decode()


def empty(session: Session, database: str, told: str, own: Collection[int] | None) -> None:
    """Marks the database and drops all that it holds; it stays itself, with its grants and settings.

    Foreign keys of other databases stay, and find their tables again when these are back. ``own`` are the
    numbers of sessions that are not ended; None ends none, and refuses where there are others.

    Raises:
        Refused: others use it.
        ServerSaid: the server refused a statement.
    """
    number = sessions.number_of(session)
    if own is None:
        sessions.refuse_lasting(session, database, {number})
    mark = f"{quoted(database)}.{quoted(survey.EMPTIED)}"
    session.rows(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}, foreign_key_checks = 0")
    session.rows(
        f"CREATE TABLE IF NOT EXISTS {mark} (n INT) ENGINE=InnoDB COMMENT = '{_MARK}{told.encode().hex()}'"
    )
    if own is not None:
        sessions.end(session, database, {*own, number})
    for definition in reversed(read(session, database)):
        if definition.kind != "TRIGGER":
            making.drop(session, database, definition)
    for relation in survey.relations(session, database):
        if relation.kind != "VIEW" and relation.name != survey.EMPTIED:
            kind = "SEQUENCE" if relation.kind == "SEQUENCE" else "TABLE"
            session.rows(f"DROP {kind} {quoted(database)}.{quoted(relation.name)}")


def filled(session: Session, database: str) -> None:
    """Wakes the events, and takes the mark away: the contents are whole."""
    names = events.parked(session, database)
    session.rows(PLAIN)
    session.use(database)
    asleep = [d for d in read(session, database) if d.kind == "EVENT" and d.name in names]
    making.make_events(session, database, [woken(d) for d in asleep])
    for own in (survey.PARKED, survey.EMPTIED):
        session.rows(f"DROP TABLE IF EXISTS {quoted(database)}.{quoted(own)}")


def reasons(session: Session, database: str) -> tuple[str, ...]:
    """Why the contents cannot be moved; none where they can."""
    return tuple(movable.reasons(session, database))
