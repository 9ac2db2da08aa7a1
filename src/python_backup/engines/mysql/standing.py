"""Contents that cannot be moved under another name are emptied, and filled again, where they stand.

A table of the program's own marks the database from before the first drop until all is there again: while
it is there the contents are a part of what they should be, and its comment tells where the old ones are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from python_backup.engines.mysql import dropping, events, grants, making, movable, sessions, steps, survey
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import PLAIN, Definition, read, woken
from python_backup.engines.mysql.dropping import FOLDER_NOT_EMPTY
from python_backup.engines.mysql.refused import ServerSaid

_MARK = "vya-backupdb filling "
_LOCK_SECONDS = 60


def half_filled(session: Session, database: str) -> str | None:
    """What `empty` was told, as long as the database is not filled again."""
    comment = session.value(
        "SELECT table_comment FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        database,
        survey.EMPTIED,
    )
    if comment is None or not str(comment).startswith(_MARK.strip()):
        return None  # of a mark that a crash cut (MariaDB 10.5) the server tells an error there
    return bytes.fromhex(str(comment).removeprefix(_MARK.strip())).decode()


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
    held = _held(session, database)
    marked = half_filled(session, database) is not None
    remnants = bool(movable.cut_by_crashes(session)) and (marked or not held)
    if not marked and not remnants:
        _mark(session, database, told)
    if own is not None:
        sessions.end(session, database, {*own, number})
    _drop(session, database, held)
    if remnants:
        _make_anew(session, database)
        _mark(session, database, told)


def unmake(session: Session, database: str, own: Collection[int]) -> str:
    """Drops a database that was being filled, and was not there before; its mark goes last.

    A crash amid DROP DATABASE alone could leave tables without the mark.
    """
    sessions.end(session, database, {*own, sessions.number_of(session)})
    _drop(session, database, _held(session, database))
    dropping.drop(session, database)
    return f"{database!r}, which was not there before, was dropped: it was not whole"


def _held(session: Session, database: str) -> list[tuple[str, Definition | str]]:
    """What the database holds but for the program's own, in the order in which it can be dropped.

    Each with its kind: a definition, or the name of a table or sequence.
    """
    definitions = read(session, database, of_tables=False)
    sequences = {r.name for r in survey.relations(session, database) if r.kind == "SEQUENCE"}
    named = movable.tables(session, database)
    return [
        *((d.kind, d) for d in reversed(definitions)),
        *(("SEQUENCE" if name in sequences else "TABLE", name) for name in named),
    ]


def _drop(session: Session, database: str, held: Iterable[tuple[str, Definition | str]]) -> None:
    session.rows(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}, foreign_key_checks = 0")
    for kind, one in held:
        if isinstance(one, str):
            session.rows(f"DROP {kind} IF EXISTS {quoted(database)}.{quoted(one)}")
        else:
            making.drop(session, database, one)


def _mark(session: Session, database: str, told: str) -> None:
    mark = f"{quoted(database)}.{quoted(survey.EMPTIED)}"
    session.rows(f"DROP TABLE IF EXISTS {mark}")
    session.rows(f"CREATE TABLE {mark} (n INT) ENGINE=InnoDB COMMENT = '{_MARK}{told.encode().hex()}'")


def _make_anew(session: Session, database: str) -> None:
    """Drops a database in which no object is left, and makes it again as it was.

    MariaDB 10.5, crashed amid CREATE or DROP TABLE, may keep a table's file, or its name in InnoDB, that
    no list shows and that bars the name (errors 1050, 1813). Names in InnoDB go with the database; where a
    file is in its folder the database stays too, without all else, and `load` makes room in it.
    """
    made = steps.options(session, database)
    try:
        session.rows(f"DROP DATABASE {quoted(database)}")
    except ServerSaid as exc:
        if exc.code != FOLDER_NOT_EMPTY:
            raise
        session.rows(f"ALTER DATABASE {quoted(database)}{made}")
        return
    session.rows(f"CREATE DATABASE {quoted(database)}{made}")


def filled(session: Session, database: str, rights: Iterable[str]) -> tuple[str, ...]:
    """Gives the rights again, wakes the events, and takes the mark away: the contents are whole.

    Returns a sentence for each right that is gone.
    """
    gone = grants.give(session, rights)
    names = events.parked(session, database)
    session.rows(PLAIN)
    session.use(database)
    asleep = [d for d in read(session, database) if d.kind == "EVENT" and d.name in names]
    making.make_events(session, database, [woken(d) for d in asleep])
    for own in (survey.FREEING, survey.PARKED, survey.EMPTIED):
        session.rows(f"DROP TABLE IF EXISTS {quoted(database)}.{quoted(own)}")
    return gone


def reasons(session: Session, database: str) -> tuple[str, ...]:
    """Why the contents cannot be moved, or not without harm; none where they can.

    Of a database that is not there: why none may be moved to its name.
    """
    if not survey.exists(session, database):
        return movable.cut_by_crashes(session)
    return (*movable.cut_by_crashes(session), *movable.reasons(session, database))
