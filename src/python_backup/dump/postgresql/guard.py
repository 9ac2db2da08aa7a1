"""Refuses what could run a program, read or write the server's files, or change another database.

It works on tokens, so that neither comments nor quotes hide anything, and looks behind every
semicolon: were the lexer led to take two statements for one, the second is judged all the same.
What a restored function or view will do when somebody calls it later is not judged, but the dump
itself may not call it (`reach`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from python_backup.dump.piece import ClientCommand, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.forbidden import (
    EMBEDDING,
    LONGEST_CALL,
    call_outside,
    forbidden,
    may_call_outside,
    of_catalog,
)
from python_backup.dump.postgresql.header import connected
from python_backup.dump.postgresql.names import codec_of
from python_backup.dump.postgresql.reach import Reach
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.subject import Subject, subject_of
from python_backup.dump.postgresql.tokens import Kind
from python_backup.errors import UnsafeDump

_KEY = re.compile(rb"[A-Za-z0-9]+").fullmatch
_HARMLESS = frozenset({"echo", "timing", "pset", "."})
_VARIABLE = re.compile(
    rb"(?i)(?:on_error_stop|on_error_rollback|echo|verbosity|quiet|autocommit)\b[ \t]*[\w]*"
).fullmatch
_VERBS = frozenset(
    """
    abort alter analyze begin call checkpoint close cluster comment commit copy create deallocate
    declare delete discard do drop end execute explain fetch grant import insert listen load lock merge
    move notify prepare reassign refresh reindex release repack reset revoke rollback savepoint security
    select set show start table truncate unlisten update vacuum values wait with
    """.split()  # noqa: SIM905 - reads better than a word a line
)
"""The first words of all SQL commands of PostgreSQL 9 to 19."""

_KEPT_ROWS = 16 << 20
_HINT = "Look at the dump; restore it with psql if you trust it."


@dataclass(slots=True)
class DumpGuard:
    """One stream's guard. Without a source, the first database that the dump names is its own."""

    source: str | None
    _session: Session = field(default_factory=Session)
    _reach: Reach = field(default_factory=Reach)
    _rows: list[bytes] | None = None
    _head: bytes = b""
    _size: int = 0
    _line: int = 0
    _suspect: bool = False

    def check(self, piece: Piece) -> None:
        """Looks at one piece; raises `UnsafeDump`."""
        match piece:
            case Statement():
                self._line = piece.line
                self._statement(piece.sql)
                self._session.take(piece.sql)
                self._head = b""
            case ClientCommand():
                self._line = piece.line
                self._command(piece)
            case DataBegin():
                self._line = piece.line
                self._begin(piece)
            case Rows() if self._rows is not None:
                self._insert(piece)
            case DataEnd() if self._rows is not None:
                self._judge_insert()
            case _:
                pass

    def _refuse(self, what: str) -> NoReturn:
        raise UnsafeDump(f"line {self._line}: {what}", hint=_HINT)

    def _command(self, piece: ClientCommand) -> None:
        command, argument = piece.command, piece.argument
        if command in {"c", "connect"}:
            name = connected(argument, self._session.codec)
            if name is None:
                self._refuse(rf"\{command} with more than a database's name")
            self._own(name, rf"\{command} to")
            return
        if command in {"restrict", "unrestrict"}:
            harmless = bool(_KEY(argument))
        elif command == "encoding":
            harmless = bool(re.fullmatch(rb"\w+", argument)) and codec_of(argument.decode()) not in EMBEDDING
        elif command == "set":
            harmless = bool(_VARIABLE(argument))
        else:
            harmless = command in _HARMLESS and not re.search(rb"[`\\|:]", argument)
        if not harmless:
            self._refuse(rf"the psql command \{command}")

    def _own(self, database: str, what: str) -> None:
        if self.source is None:
            self.source = database
        if database != self.source:
            self._refuse(f"{what} another database, {database!r}")

    def _begin(self, piece: DataBegin) -> None:
        if piece.sql != self._head:
            self._judge_head(piece)
        self._head = piece.sql
        self._rows = None if piece.copy else []
        self._size, self._suspect = 0, False

    def _judge_head(self, piece: DataBegin) -> None:
        if piece.table.startswith(("pg_catalog.", "information_schema.")) or (
            of_catalog([piece.table.rsplit(".", 1)[-1]]) and piece.table.startswith("public.")
        ):
            self._refuse(f"a change of the server's catalog {piece.table}")
        if reason := self._reach.data(self._session, piece.sql):
            self._refuse(reason)

    def _insert(self, piece: Rows) -> None:
        """Keeps an INSERT's rows while they may hold a call; what is kept has a bound."""
        assert self._rows is not None  # only then is this called
        text = piece.text
        joined = (self._rows[-1][-LONGEST_CALL:] if self._rows else b"") + text
        literals = not self._rows and text.count(b"(") == piece.count == 1  # the row's own: nothing is called
        self._suspect = (
            self._suspect
            or (not literals and may_call_outside(joined) is not None)
            or self._reach.may_be_used(joined)
        )
        self._size += len(text)
        self._rows.append(text if self._size <= _KEPT_ROWS else joined[-LONGEST_CALL:])

    def _judge_insert(self) -> None:
        rows, self._rows = self._rows or [], None
        if self._suspect:
            if self._size > _KEPT_ROWS:
                self._refuse("an INSERT that is too large to tell its data from a call of a server function")
            text = self._head + b" " + b"".join(rows)
            reason = call_outside(self._session.cursor(text)) or self._reach.take(self._session, text)
            if reason:
                self._refuse(reason)

    def _statement(self, sql: bytes) -> None:
        parts = list(_parts(self._session.cursor(sql)))
        for place, (start, end) in enumerate(parts):
            at = self._session.cursor(sql[start:end])
            if place and place == len(parts) - 1 and at.accept("end") and at.ended:
                break  # the end of a BEGIN ATOMIC body
            self._judge(self._session.cursor(sql[start:end]), first=not place)
        if reason := self._reach.take(self._session, sql):
            self._refuse(reason)

    def _judge(self, at: Cursor, *, first: bool) -> None:
        subject = subject_of(at)
        self._subject(subject, at)
        at.at = 0
        marks_template = subject.verb == "update" and subject.kind == "database"
        if not marks_template and (reason := forbidden(at, first=first)):
            self._refuse(reason)
        at.at = 0
        verb = at.peek()
        if first and verb.word not in _VERBS and verb.text != b"(":
            self._refuse(f"no statement begins with {verb.text[:20]!r}")
        while not at.ended:
            token = at.take()
            if token.kind is Kind.SIGN and token.text == b"\\":
                self._refuse("a psql command inside a statement")
            if token.word == "uescape":
                self._refuse("a name or string with an escape character of its own")

    def _subject(self, subject: Subject, at: Cursor) -> None:
        if subject.database is not None:
            self._own(subject.database, f"{subject.verb.upper()} of")
            if subject.verb == "alter" and (at.sees("rename") or at.sees("set", "tablespace")):
                self._refuse("ALTER DATABASE with a new name or tablespace")
        elif subject.kind == "role" and subject.verb != "create":
            self._refuse(f"{subject.verb.upper()} of a role, which all databases share")
        elif subject.kind == "tablespace":
            self._refuse(f"{subject.verb.upper()} of a tablespace, which all databases share")
        elif subject.kind == "system":
            self._refuse(f"{subject.verb.upper()} of the server's settings")


def _parts(at: Cursor) -> Iterator[tuple[int, int]]:
    """Where each of the statements stands that semicolons part; one, unless the piece holds a body."""
    start, end = at.peek().start, -1
    while not at.ended:
        token = at.take()
        if token.kind is Kind.SIGN and token.text == b";":
            yield start, token.start
            start, end = at.peek().start, -1
        else:
            end = token.end
    if end >= 0:
        yield start, end
