"""Finds a pg_dump dump's indexes and keys, with the settings that stand before each."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from python_backup.dump.builds import Build, Builds, Setting
from python_backup.dump.dialect import Rewriter
from python_backup.dump.piece import DataBegin, Piece, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session, settings
from python_backup.dump.postgresql.tokens import Kind

KEPT = 8 << 20
"""Bytes of statements that are gathered; what a dump has beyond them is made in its turn."""

_SETS = re.compile(
    rb"(?i)(?:set|reset)(?![A-Za-z0-9_$\x80-\xff])|select\b.{,200}\bset_config\b", re.DOTALL
).match
_BUILDS = re.compile(
    rb"(?i)create\s+(?:unique\s+)?index\b|alter\s+table\b.*?\badd\s+constraint\b", re.DOTALL
).match
_NOT_FOLLOWED = frozenset(
    {"", "authorization", "session_authorization", "role", "transaction", "characteristics", "constraints"}
)
"""What a SET may change that is no mere setting: behind it nothing is known of the session."""


@dataclass(slots=True)
class PostgreSQLBuilds:
    """See `python_backup.dump.builds.BuildReader`."""

    _kept: list[Statement] = field(default_factory=list)
    _ends: dict[str, int] = field(default_factory=dict)
    _copies: dict[str, int] = field(default_factory=dict)
    _known: int | None = None  # the line up to which all was kept; None: all
    _size: int = 0

    def take(self, piece: Piece) -> None:
        """Keeps settings, and what may make an index or a key."""
        if isinstance(piece, DataBegin):
            self._ends[piece.table] = piece.line
            self._copies.pop(piece.table, None)
            if piece.copy:
                self._copies[piece.table] = piece.line
        elif isinstance(piece, Statement) and (_SETS(piece.sql) or _BUILDS(piece.sql)):
            self._size += len(piece.sql)
            if self._size <= KEPT:
                self._kept.append(piece)
            elif self._known is None:
                self._known = piece.line

    def read(self, rewriter: Rewriter) -> Builds:
        """The builds up to the first SET that cannot be followed, such as SET ROLE."""
        session, made = Session(), dict[str, Setting]()
        found: list[Build] = []
        copies: dict[int, tuple[Setting, ...]] = {}
        data = deque(sorted(self._copies.values()))

        def read_to(line: int | None) -> None:
            while data and (line is None or data[0] < line):
                copies[data.popleft()] = tuple(dict.fromkeys(made.values()))

        for piece in rewriter.rewrite(iter(self._kept)):
            if not isinstance(piece, Statement):
                continue
            if _SETS(piece.sql):
                read_to(piece.line)
                names = _followed(session.cursor(piece.sql))
                if names is None:
                    break
                session.take(piece.sql)
                for name in names:  # in the order in which they were made last
                    made.pop(name, None)
                made |= dict.fromkeys(names, Setting(piece.sql, tuple(names)))
            elif build := self._build(piece, session, tuple(dict.fromkeys(made.values()))):
                found.append(build)
        else:
            read_to(self._known)
        return Builds(tuple(found), dict(self._ends), copies)

    def _build(self, piece: Statement, session: Session, before: tuple[Setting, ...]) -> Build | None:
        at = session.cursor(piece.sql)
        alone = at.sees("alter")
        name = _of_constraint(at) if alone else _of_index(at)
        table = session.label(*name) if name else ""
        if piece.line < self._ends.get(table, piece.line):  # its rows come behind it, or never
            return None
        if table not in self._ends or not _one_action(session.cursor(piece.sql)):
            return None
        return Build(piece.sql, piece.line, table, before, alone=alone, plain=_plain(at))


def _followed(at: Cursor) -> list[str] | None:
    """The names of the settings that a statement makes; None where it does something else, too."""
    if at.sees("set", "local") or at.sees("reset", "all"):
        return None
    names = [name for name, _ in settings(at)]
    return names if names and not _NOT_FOLLOWED.intersection(names) else None


def _of_index(at: Cursor) -> tuple[str, ...]:
    """The table of ``CREATE INDEX``; the cursor is left before its columns. None of a partitioned table's."""
    at.accept("create")
    at.accept("unique")
    at.accept("index")
    if at.sees("concurrently") or at.sees("if", "not"):
        return ()
    if not at.sees("on"):
        at.name()
    if not at.accept("on") or at.sees("only"):
        return ()
    table = at.name()
    if at.accept("using"):
        at.take()
    return table


def _of_constraint(at: Cursor) -> tuple[str, ...]:
    """The table of an ALTER TABLE that adds a key; the cursor is left before the key's columns."""
    at.accept("alter", "table")
    at.accept("only")
    table = at.name()
    if not at.accept("add", "constraint") or not at.name():
        return ()
    if not (at.accept("primary", "key") or at.accept("unique") or at.accept("exclude")):
        return ()
    return () if at.sees("using", "index") else table


def _one_action(at: Cursor) -> bool:
    while not at.ended:
        if not at.skip_parentheses() and at.take().text == b",":
            return False
    return True


def _plain(at: Cursor) -> bool:
    """Whether only names follow: no parentheses in parentheses, no WHERE."""
    depth = 0
    while not at.ended:
        token = at.take()
        if token.word == "where":
            return False
        if token.kind is Kind.SIGN:
            depth += (token.text == b"(") - (token.text == b")")
            if depth > 1:
                return False
    return True
