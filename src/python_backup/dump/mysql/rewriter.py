"""Changes a dump's statements so that they make the target database, on the target's server.

By token, never in data, comments or string literals, but for the list of modes that ``SET sql_mode``
is given. Each change is counted; with nothing to change the pieces are the same objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from python_backup.dump.changes import Changes
from python_backup.dump.mysql.collations import nearest
from python_backup.dump.mysql.created import after_definer
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import decode, quote
from python_backup.dump.mysql.own import about_the_server
from python_backup.dump.mysql.qualified import places
from python_backup.dump.mysql.selector import database_of
from python_backup.dump.mysql.tokens import Kind, Token, tokens
from python_backup.dump.piece import ClientCommand, DataBegin, Piece, Statement

Account = tuple[str, str]
"""User and host."""

_MARIADB_MODES = frozenset(
    """
    NO_AUTO_CREATE_USER ORACLE DB2 MAXDB MSSQL POSTGRESQL MYSQL323 MYSQL40 NO_FIELD_OPTIONS
    NO_KEY_OPTIONS NO_TABLE_OPTIONS EMPTY_STRING_IS_NULL SIMULTANEOUS_ASSIGNMENT
    TIME_ROUND_FRACTIONAL
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_MYSQL_MODES = frozenset(("TIME_TRUNCATE_FRACTIONAL",))
_MODERN_MYSQL = 8
_PSEUDO_RECORDS = frozenset(("old", "new"))


@dataclass(frozen=True, slots=True)
class Target:
    """What the rewriter may know of the database and server that it writes for.

    ``version`` is the server's own word (``11.8.6-MariaDB``). ``accounts`` is None where they may
    not be listed. ``may_set_definer`` tells whether the account may name others as definers.
    """

    database: str
    version: str
    collations: frozenset[str]
    accounts: frozenset[Account] | None
    current: Account
    may_set_definer: bool = True

    @property
    def unknown_modes(self) -> frozenset[str]:
        """The SQL modes of other servers that this one refuses (error 1231)."""
        if "mariadb" in self.version.lower():
            return _MYSQL_MODES
        major = re.match(r"\d+", self.version)
        return _MARIADB_MODES if major and int(major[0]) >= _MODERN_MYSQL else frozenset()


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: bytes


class MysqlRewriter:
    """See `python_backup.dump.dialect.Rewriter`."""

    def __init__(self, source: str | None, target: Target, changes: Changes) -> None:
        self._source = source
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
            *self._renames(found, line),
            *self._definers(sql, found, line),
            *self._collations(found, line),
            *self._sql_modes(found, line),
        ]
        for edit in sorted(edits, key=lambda e: e.start, reverse=True):
            sql = sql[: edit.start] + edit.text + sql[edit.end :]
        return sql

    def _renames(self, found: Sequence[Token], line: int) -> Iterator[_Edit]:
        if self._source is None or self._source == self._target.database:
            return
        new = quote(self._target.database)
        named = database_of(found)
        if named and named == ("ALTER", self._source):
            token = next(t for t in found[2:] if t.name == self._source)
            self._changes.add("database renamed", line, token.text, new)
            yield _Edit(token.start, token.end, new)
            return
        what = places(found)
        for qualifier in what.qualifiers:
            if qualifier.database == self._source:
                self._changes.add("database renamed", line, qualifier.token.text, new)
                yield _Edit(qualifier.token.start, qualifier.token.end, new)
        for token in what.columns:
            if token.name == self._source and not self._known(token, what.relations, found):
                self._warn(
                    f"line {line}: {self._source}.… may name the database {self._source} or an alias;"
                    " it was left as it is"
                )

    def _known(self, token: Token, relations: set[str], found: Sequence[Token]) -> bool:
        """Whether it is a table, an alias, or a trigger's OLD or NEW."""
        pseudo = (token.name or "").lower() in _PSEUDO_RECORDS and any(t.word == "TRIGGER" for t in found)
        return pseudo or token.name in relations

    def _definers(self, sql: bytes, found: Sequence[Token], line: int) -> Iterator[_Edit]:
        if not found or found[0].word not in ("CREATE", "ALTER"):
            return
        for at, token in enumerate(found[:12]):
            if token.word != "DEFINER" or at + 2 >= len(found) or found[at + 1].word != "=":
                continue
            end = after_definer(found, at)
            account = _account(found[at + 2 : end])
            if account is not None and not self._may_define(account):
                text = sql[found[at + 2].start : found[end - 1].end]
                self._changes.add("definer replaced", line, text, b"CURRENT_USER")
                self._warn(f"definer {decode(text)} is replaced by the account that restores")
                yield _Edit(found[at + 2].start, found[end - 1].end, b"CURRENT_USER")

    def _may_define(self, account: Account) -> bool:
        user, host = account
        if (user, host) == self._target.current:
            return True
        known = self._target.accounts
        if known is None or not self._target.may_set_definer:
            return False
        return any(user == u and host.lower() == h.lower() for u, h in known)

    def _collations(self, found: Sequence[Token], line: int) -> Iterator[_Edit]:
        for at, token in enumerate(found):
            word = token.word
            if word == "COLLATE" or (word == "COLLATION_CONNECTION" and found[0].word == "SET"):
                at += 1  # noqa: PLW2901 - looks ahead only
                if at < len(found) and found[at].word == "=":
                    at += 1  # noqa: PLW2901
                if at < len(found) and found[at].kind is not Kind.VARIABLE:
                    yield from self._collation(found[at], line)

    def _collation(self, token: Token, line: int) -> Iterator[_Edit]:
        name = decode(token.text.strip(b"'\"`"))
        known = nearest(name.lower(), self._target.collations)
        if known is None:
            self._warn(f"the server has no collation {name} and none that comes near")
        elif known != name.lower():
            after = token.text.replace(name.encode(), known.encode())
            self._changes.add("collation mapped", line, token.text, after)
            yield _Edit(token.start, token.end, after)

    def _sql_modes(self, found: Sequence[Token], line: int) -> Iterator[_Edit]:
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
                yield _Edit(value.start, value.end, after)

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._changes.warnings.append(text)


def _account(found: Sequence[Token]) -> Account | None:
    """User and host of ```root`@`localhost```; None for CURRENT_USER."""
    if not found or found[0].word == "CURRENT_USER":
        return None
    user = _part(found[0])
    host = "%" if len(found) == 1 else _part(found[-1])
    return user, host


def _part(token: Token) -> str:
    text = token.text.removeprefix(b"@")
    if text[:1] in (b"'", b'"', b"`") and len(text) > 1:
        text = text[1:-1].replace(text[:1] * 2, text[:1])
    return decode(text)
