"""Dropping a database of which the server keeps more than it lists: what a crash, or a kill, left."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid

FOLDER_NOT_EMPTY = 1010
"""DROP DATABASE dropped all that the server knew in it, and found further files in its folder."""


def drop(session: Session, database: str, triggers: Callable[[], Iterable[str]] = tuple) -> None:
    """Drops the database if it is there, and what stands in its way where a CREATE TRIGGER in it was killed.

    MariaDB (seen on 11.8) keeps the trigger's name in a file then, and cannot remove the folder; from
    10.11 on DROP TRIGGER takes the file away. ``triggers`` gives the names.

    Raises:
        ServerSaid: the server refused it; where it left files, the hint says what is to be done there.
    """
    try:
        session.rows(f"DROP DATABASE IF EXISTS {quoted(database)}")
    except ServerSaid as exc:
        if exc.code != FOLDER_NOT_EMPTY:
            raise
    else:
        return
    for name in sorted(triggers()):
        session.rows(f"DROP TRIGGER IF EXISTS {quoted(database)}.{quoted(name)}")
    try:
        session.rows(f"DROP DATABASE IF EXISTS {quoted(database)}")
    except ServerSaid as exc:
        if exc.code == FOLDER_NOT_EMPTY:
            exc.hint = (
                f"{database!r} is empty; a crash of the server left files in its folder, in the server's"
                " datadir: remove them there, run DROP DATABASE, and then this again."
            )
        raise
