"""Changes a dump's statements so that they make the target database, on the target's server.

By token, never in data, comments or string literals, but for the list of modes that ``SET sql_mode``
is given. Each change is counted; with nothing to change the pieces are the same objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.mysql.bridging import bridged
from python_backup.dump.mysql.collations import nearest
from python_backup.dump.mysql.definers import Account, definers
from python_backup.dump.mysql.edits import Edit, edited
from python_backup.dump.mysql.events import disabled
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import decode, quote
from python_backup.dump.mysql.own import about_the_server
from python_backup.dump.mysql.renaming import (
    AMBIGUOUS,
    AMBIGUOUS_HINT,
    Name,
    ambiguous,
    asks,
    renamed_tokens,
    texts_that_name,
    written,
)
from python_backup.dump.mysql.selector import database_of
from python_backup.dump.mysql.tokens import Kind, Token, tokens
from python_backup.dump.piece import ClientCommand, DataBegin, Piece, Statement
from python_backup.errors import Refused

_MARIADB_MODES = frozenset(
    """
    NO_AUTO_CREATE_USER ORACLE DB2 MAXDB MSSQL POSTGRESQL MYSQL323 MYSQL40 NO_FIELD_OPTIONS
    NO_KEY_OPTIONS NO_TABLE_OPTIONS EMPTY_STRING_IS_NULL SIMULTANEOUS_ASSIGNMENT
    TIME_ROUND_FRACTIONAL
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_MYSQL_MODES = frozenset(("TIME_TRUNCATE_FRACTIONAL",))
_MODERN_MYSQL = 8
NEWLINE = b"\n"


@dataclass(frozen=True, slots=True)
class Target:
    """What the rewriter may know of the database and server that it writes for.

    ``version`` is the server's own word (``11.8.6-MariaDB``). ``accounts`` is None where they may
    not be listed. ``may_set_definer`` tells whether the account may name others as definers,
    ``folds_names`` whether ``Shop`` and ``shop`` are one database to the server (``lower_case_table_names``).
    """

    database: str
    version: str
    collations: frozenset[str]
    accounts: frozenset[Account] | None
    current: Account
    may_set_definer: bool = True
    folds_names: bool = False

    @property
    def unknown_modes(self) -> frozenset[str]:
        """The SQL modes of other servers that this one refuses (error 1231)."""
        if "mariadb" in self.version.lower():
            return _MYSQL_MODES
        major = re.match(r"\d+", self.version)
        return _MARIADB_MODES if major and int(major[0]) >= _MODERN_MYSQL else frozenset()


class MysqlRewriter:
    """See `python_backup.dump.dialect.Rewriter`."""

    def __init__(
        self, source: str | None, target: Target, changes: Changes, choices: Choices = AS_THE_DUMP
    ) -> None:
        self._source = source
        self._choices = choices
        self._target = target
        self._changes = changes
        self._modes = SqlModes()
        self._head: tuple[bytes, bytes] = (b"", b"")
        self._warned: set[str] = set()

    def rewrite(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """What the target is to get, in order."""
        for piece in pieces:
            match piece:
                case Statement():
                    changed: Piece | None = self._statement(piece)
                case DataBegin():
                    changed = self._data(piece)
                case ClientCommand() if piece.command == "sandbox":
                    self._changes.add("sandbox line left out", piece.line, piece.text)
                    changed = None
                case _:
                    changed = piece
            if changed is not None:
                yield changed

    def _statement(self, piece: Statement) -> Statement | None:
        found = tokens(piece.sql, self._modes)
        why = self._dropped(piece.sql, found)
        if why:
            self._changes.add(why, piece.line, piece.sql)
            return None
        sql = self._edited(piece.sql, found, piece.line)
        self._modes.follow(piece.sql)
        if sql == piece.sql:
            return piece
        return replace(piece, sql=sql, text=piece.text.replace(piece.sql, sql, 1))

    def _data(self, piece: DataBegin) -> DataBegin:
        before, after = self._head
        if piece.sql != before:
            after = self._edited(piece.sql, tokens(piece.sql, self._modes), piece.line)
            self._head = (piece.sql, after)
        if after == piece.sql:
            return piece
        return replace(piece, sql=after, text=piece.text.replace(piece.sql, after, 1))

    def _dropped(self, sql: bytes, found: Sequence[Token]) -> str | None:
        if about_the_server(sql):
            return "server setting left out"
        verb = found[0].word if found else ""
        named = database_of(found) if verb in ("USE", "CREATE", "DROP") else None
        if named is None:
            return None
        return "USE left out" if named[0] == "USE" else f"{named[0]} DATABASE left out"

    def _edited(self, sql: bytes, found: Sequence[Token], line: int) -> bytes:
        edits = [
            *self._renames(sql, found, line),
            *self._definers(sql, found, line),
            *self._collations(found, line),
            *self._sql_modes(found, line),
            *self._events(found, line),
        ]
        return bridged(edited(sql, edits), line, self._target.version, self._changes)

    def _definers(self, sql: bytes, found: Sequence[Token], line: int) -> Iterator[Edit]:
        for change in definers(sql, found, self._choices, self._target):
            self._changes.add(change.kind, line, sql[change.edit.start : change.edit.end], change.edit.text)
            if change.warning:
                self._warn(change.warning)
            yield change.edit

    def _events(self, found: Sequence[Token], line: int) -> Iterator[Edit]:
        choice = self._choices.events
        if choice == "disable" or (choice == "default" and self._source not in (None, self._final)):
            for edit in disabled(found):
                self._changes.add("event disabled", line, b" ".join(t.text for t in found[:12]), edit.text)
                yield edit

    def _renames(self, sql: bytes, found: Sequence[Token], line: int) -> Iterator[Edit]:
        if self._source is None or self._source == self._target.database:
            return
        named = database_of(found)
        if named and named == ("ALTER", self._source):
            yield self._renamed(next(t for t in found[2:] if t.name == self._source), line)
            return
        name = Name(self._source, self._target.folds_names)
        for qualifier in renamed_tokens(found, name):
            yield self._renamed(qualifier.token, line, written(qualifier, self._target.database))
        for token in ambiguous(found, name):
            place = f"line {line + sql.count(NEWLINE, 0, token.start)}: {AMBIGUOUS.format(self._source)}"
            if asks(self._source, self._target.database, self._choices):
                raise Refused(place, hint=AMBIGUOUS_HINT)
            if self._choices.rename_ambiguous:
                yield self._renamed(token, line)
            elif self._final != self._source:
                self._warn(f"{place}; it was left as it is")
        for token in texts_that_name(found, self._source) if self._final != self._source else ():
            at = line + sql.count(NEWLINE, 0, token.start)
            self._warn(f"line {at}: a string names the database {self._source}; it is left as it is")

    @property
    def _final(self) -> str:
        return self._choices.final_name or self._target.database

    def _renamed(self, token: Token, line: int, new: bytes | None = None) -> Edit:
        new = new or quote(self._target.database)
        self._changes.add("database renamed", line, token.text, new)
        return Edit(token.start, token.end, new)

    def _collations(self, found: Sequence[Token], line: int) -> Iterator[Edit]:
        for at, token in enumerate(found):
            word = token.word
            if word == "COLLATE" or (word == "COLLATION_CONNECTION" and found[0].word == "SET"):
                at += 1  # noqa: PLW2901 - looks ahead only
                if at < len(found) and found[at].word == "=":
                    at += 1  # noqa: PLW2901
                if at < len(found) and found[at].kind is not Kind.VARIABLE:
                    yield from self._collation(found[at], line)

    def _collation(self, token: Token, line: int) -> Iterator[Edit]:
        name = decode(token.text.strip(b"'\"`"))
        known = nearest(name.lower(), self._target.collations)
        if known is None:
            self._warn(f"the server has no collation {name} and none that comes near")
        elif known != name.lower():
            after = token.text.replace(name.encode(), known.encode())
            self._changes.add("collation mapped", line, token.text, after)
            yield Edit(token.start, token.end, after)

    def _sql_modes(self, found: Sequence[Token], line: int) -> Iterator[Edit]:
        unknown = self._target.unknown_modes
        if not unknown or not found or found[0].word != "SET":
            return
        for at, token in enumerate(found[:-2]):
            named = token.text.upper().lstrip(b"@").removeprefix(b"SESSION.") == b"SQL_MODE"
            value = found[at + 2]
            if not named or value.kind is not Kind.STRING:
                continue
            modes = decode(value.text[1:-1]).split(",")
            kept = [m for m in modes if m.strip().upper() not in unknown]
            if kept != modes:
                mark = value.text[:1]
                after = mark + ",".join(kept).encode() + mark
                self._changes.add("sql_mode reduced", line, value.text, after)
                yield Edit(value.start, value.end, after)

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._changes.warnings.append(text)
