r"""Finds the databases in a dump by ``CREATE DATABASE`` and ``\connect``, and passes on one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.dialect import SourceDatabase
from python_backup.dump.piece import ClientCommand, Piece, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.header import connected
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.subject import Subject, subject_of

_MAY_NAME = re.compile(
    rb"(?i)(?:create|drop|alter|comment|grant|revoke|security|update|set|select|reset)(?![A-Za-z0-9_$\x80-\xff])"
).match


@dataclass(slots=True)
class DatabaseSelector:
    r"""One stream's selector.

    A database begins with ``CREATE DATABASE`` or ``\connect``, whichever names it first: pg_dumpall
    writes the first before the second. Statements that name a database (``ALTER DATABASE x``) go
    with it, wherever they stand.
    """

    source: str | None
    _session: Session = field(default_factory=Session)
    _current: str | None = None
    _found: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The databases seen so far, with what their CREATE DATABASE says."""
        return tuple(SourceDatabase(name, dict(words)) for name, words in self._found.items())

    def select(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces of the source, or all without one."""
        for piece in pieces:
            if self._passes(piece) or self.source is None:
                yield piece

    def _passes(self, piece: Piece) -> bool:
        if isinstance(piece, ClientCommand):
            if piece.command in {"c", "connect"}:
                self._enter(connected(piece.argument, self._session.codec))
            return self._here
        if isinstance(piece, Statement) and _MAY_NAME(piece.sql):
            self._session.take(piece.sql)
            return self._statement(piece.sql)
        return self._here

    @property
    def _here(self) -> bool:
        return self._current is None or self._current == self.source

    def _statement(self, sql: bytes) -> bool:
        subject = subject_of(self._session.cursor(sql))
        if subject.database is not None:
            if subject.verb == "create":
                self._enter(subject.database)
                self._found[subject.database] = _properties(self._session.cursor(sql))
            return subject.database == self.source
        return self._here and not (self._current is None and _belongs_to_server(subject))

    def _enter(self, database: str | None) -> None:
        if database is not None:
            self._current = database
            self._found.setdefault(database, {})


def _belongs_to_server(subject: Subject) -> bool:
    return subject.kind in {"role", "tablespace"}


def _properties(at: Cursor) -> dict[str, str]:
    """The words of ``CREATE DATABASE name WITH key = value …``, keys in lower case."""
    at.accept("create", "database")
    at.name()
    at.accept("with")
    found: dict[str, str] = {}
    while at.peek().names:
        key = "_".join(at.name()).lower()
        at.accept_sign(b"=")
        value = at.string()
        if value is None:
            value = at.take().name(at.codec) if not at.ended else ""
        found[key] = value
    return found
