"""Tables that a load itself made and nothing has filled: their rows may come as if they had always been.

PostgreSQL takes rows frozen where the table was made or emptied in the same transaction (its manual: COPY,
FREEZE). Such rows need no second write when they are first read, and no WAL where wal_level is minimal; and
only in such a table no row goes into a gap before it, so that rows stay in the dump's order (heapam's
TABLE_INSERT_SKIP_FSM). A table whose transaction has ended is emptied once more, where it has no row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_backup.dump.piece import DataBegin
from python_backup.dump.postgresql.session import Session

_CREATES = re.compile(rb"(?i)create\s+(?:unlogged\s+)?table(?![A-Za-z0-9_$\x80-\xff])").match
_CALM = re.compile(
    rb"(?i)(?:set|reset|create|alter|comment|grant|revoke|drop|security)(?![A-Za-z0-9_$\x80-\xff])"
    rb"|select\s+(?:pg_catalog\.)?(?:set_config|setval|lo_create|lo_unlink)\s*\("
).match
"""Statements that leave no cursor and no large object open: with one the server refuses frozen rows."""

_FROM_STDIN = re.compile(rb"(?i)\bfrom\s+stdin\s*\Z").search
_OTHER = frozenset({"partition", "as"})
"""Words of tables that have no rows of their own, or have some when they are made."""


@dataclass(slots=True)
class Fresh:
    """Follows one load, statement by statement."""

    _session: Session = field(default_factory=Session)
    _here: set[str] = field(default_factory=set)  # made in this transaction
    _before: set[str] = field(default_factory=set)  # made in an earlier one, and not filled
    _filled: set[str] = field(default_factory=set)
    _calm: bool = True

    def take(self, sql: bytes) -> None:
        """Looks at one statement that is sent."""
        self._session.take(sql)
        if not _CALM(sql):
            self._calm = False
        elif _CREATES(sql) and (table := self._made(sql)):
            self._here.add(table)

    def parted(self) -> None:
        """A transaction has ended, and another has begun."""
        self._before |= self._here - self._filled
        self._here.clear()

    def fill(self, begin: DataBegin) -> bytes | None:
        """The table's name where it must be emptied before its rows may come frozen; these come next."""
        if begin.lone and begin.table not in self._filled:
            self._before.add(begin.table)
        self._filled.add(begin.table)
        if not (begin.copy and self._calm) or begin.table not in self._before:
            self._before.discard(begin.table)
            return None
        self._before.remove(begin.table)
        return self.name(begin)

    def name(self, begin: DataBegin) -> bytes | None:
        """The table's name as its COPY has it."""
        at = self._session.cursor(begin.sql)
        at.accept("copy")
        start = at.peek().start
        at.name()
        end = at.peek().start
        return begin.sql[start:end].rstrip() if 0 <= start < end else None

    def emptied(self, begin: DataBegin) -> None:
        """The table was emptied in this transaction."""
        self._here.add(begin.table)

    def frozen(self, begin: DataBegin) -> bytes:
        """The COPY, with its rows frozen where the server takes them so."""
        allowed = self._calm and begin.table in self._here and _FROM_STDIN(begin.sql)
        return begin.sql + b" WITH (FREEZE)" if allowed else begin.sql

    def _made(self, sql: bytes) -> str | None:
        """The label of the plain table that the statement makes, if it is a new one."""
        at = self._session.cursor(sql)
        at.accept("create")
        at.accept("unlogged")
        at.accept("table")
        name = () if at.sees("if", "not") else at.name()
        return self._session.label(*name) if name and not at.skip_to(*_OTHER) else None
