"""Events of a database that is being filled sleep: nothing acts by itself before a database has its name.

What a dump makes enabled is made disabled, and its names are parked in a table of the program's own. Who
gives the database its name wakes them (see `steps`); until then the names tell which are to run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.edits import edited
from python_backup.dump.mysql.events import disabled
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import tokens
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.survey import PARKED, of_schema

_MAYBE_EVENT = re.compile(rb"(?i)\bEVENT\b")

Then = Callable[[], None]
"""What is to be done when the server has taken a statement."""


@dataclass(slots=True)
class Lullaby:
    """Puts the events to sleep that a dump makes in the database.

    ``session`` is another one than the dump's, whose settings the dump may change. A name is asked for
    when its event is there: the bytes in the dump may be in any character set.
    """

    session: Session
    database: str
    asleep: set[str] = field(default_factory=set)
    _modes: SqlModes = field(default_factory=SqlModes)
    _known: set[str] = field(default_factory=set)

    def sung(self, sql: bytes) -> tuple[bytes, Then | None]:
        """The statement as it is to be sent, and what to do then; called for each, in the dump's order."""
        if not _MAYBE_EVENT.search(sql):
            self._modes.follow(sql)
            return sql, None
        found = tokens(sql, self._modes)
        what = definition(found)
        if what is None or what.kind != "EVENT" or what.name is None:
            return sql, None
        quiet = edited(sql, disabled(found))
        if what.verb == "CREATE":
            return quiet, partial(self._made, sleeps=quiet != sql)
        name = (found[what.name.after - 1].name or "") if what.verb == "ALTER" else ""
        awake = quiet != sql
        put_off = any(token.word == "DISABLE" for token in found)
        return quiet, partial(self._changed, name, awake=awake) if awake or put_off else None

    def _made(self, *, sleeps: bool) -> None:
        sql = f"SELECT event_name FROM information_schema.events WHERE {of_schema('event_schema')}"
        names = {name for (name,) in self.session.rows(sql, self.database, self.database)}
        if sleeps:
            self.asleep |= names - self._known
        self._known = names

    def _changed(self, name: str, *, awake: bool) -> None:
        if awake:
            self.asleep.add(name)
        else:
            self.asleep.discard(name)


def park(session: Session, database: str, names: Iterable[str]) -> None:
    """Notes which events are to run when the database gets its name, or its name back."""
    listed = sorted(names)
    if not listed:
        return
    where = f"{quoted(database)}.{quoted(PARKED)}"
    session.rows(
        f"CREATE TABLE IF NOT EXISTS {where} (name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        " NOT NULL PRIMARY KEY) ENGINE=InnoDB"
    )
    for name in listed:
        session.rows(f"REPLACE INTO {where} VALUES (UNHEX('{name.encode().hex()}'))")


def parked(session: Session, database: str) -> frozenset[str]:
    """The names that `park` noted."""
    there = session.value(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        database,
        PARKED,
    )
    if not there:
        return frozenset()
    return frozenset(
        name for (name,) in session.rows(f"SELECT name FROM {quoted(database)}.{quoted(PARKED)}")
    )
