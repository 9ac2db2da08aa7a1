"""Plain tables instead of foreign ones, and foreign servers without their targets.

A stand-in has the columns, checks and triggers, so that views of it can be made and filled; its rows are
those that the dump has, mostly none. A server keeps its name alone: what asks for it by name gets no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from python_backup.dump.changes import Changes
from python_backup.dump.piece import Piece, Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session
from python_backup.dump.statements import OTHERS
from python_backup.model import label

_NOWHERE = b"OPTIONS (host '/nowhere')"
"""libpq takes an absolute path for the folder of a socket; without a host it would try the machine's own."""
_OF_LIBPQ = frozenset({"postgres_fdw", "dblink_fdw"})
_HEAD = 200
"""Bytes of a statement's beginning in which its kind stands."""
_NAMES_IT = re.compile(rb"(?i)\bforeign\b|\bserver\b").search


@dataclass(slots=True)
class PostgreSQLStandIns:
    """See `python_backup.dump.dialect.StandIns`."""

    changes: Changes
    _session: Session = field(default_factory=Session)

    def replaced(self, piece: Piece) -> Piece | None:
        """The piece, or what makes a stand-in, or one without its target."""
        if not isinstance(piece, Statement):
            return piece
        self._session.take(piece.sql)
        if not _NAMES_IT(piece.sql, 0, _HEAD):
            return piece
        at = self._session.cursor(piece.sql)
        for words, replace_it in _STATEMENTS.items():
            if at.accept(*words):
                return replace_it(self, piece, at)
        return piece

    def _altered(self, piece: Statement, at: Cursor) -> Statement | None:
        if not at.skip_to("options"):
            return self._told(piece, at)
        self.changes.add("options of a table elsewhere left out", piece.line, piece.sql)
        return None

    def _told(self, piece: Statement, _at: Cursor) -> Statement:
        """The statement about a table, no more called foreign."""
        return _edited(piece, _word(self._session.cursor(piece.sql), "foreign", "table"))

    def _table(self, piece: Statement, at: Cursor) -> Statement:
        at.accept("if", "not", "exists")
        name = self._session.label(*at.name())
        edits = [*_word(self._session.cursor(piece.sql), "foreign", "table"), *_options(at)]
        plain = _edited(piece, iter(edits))
        self.changes.stand_in("foreign_tables", name)
        self.changes.add("table elsewhere made local", piece.line, piece.sql, plain.sql)
        return plain

    def _server(self, piece: Statement, at: Cursor) -> Statement:
        at.accept("if", "not", "exists")
        name = at.name()
        wrapper = at.name() if at.skip_to("wrapper") and at.accept("wrapper") else ()
        if not at.skip_to("options"):
            return piece
        begin = at.take().start
        at.skip_parentheses()
        target = _NOWHERE if wrapper[-1:] and wrapper[-1] in _OF_LIBPQ else b""
        end = at.peek().start if not at.ended else len(piece.sql)
        plain = _edited(piece, iter([(begin, end, target)]))
        self.changes.stand_in(OTHERS, f"server {label(*name)}")
        self.changes.add("target of a server left out", piece.line, piece.sql[:begin], plain.sql[:begin])
        return plain


def _word(at: Cursor, word: str, after: str) -> Iterator[tuple[int, int, bytes]]:
    """Where the first such word stands, outside parentheses."""
    while at.skip_to(word):
        token = at.take()
        if at.sees(after):
            yield token.start, token.end, b""
            return


def _options(at: Cursor) -> Iterator[tuple[int, int, bytes]]:
    """Where a table's columns say how they are called elsewhere, and from ``SERVER`` on to the end."""
    depth = 0
    while not at.ended:
        token = at.take()
        if token.text == b"(":
            depth += 1
        elif token.text == b")":
            depth -= 1
        elif depth == 1 and token.word == "options" and at.peek().text == b"(":
            at.skip_parentheses()
            end = at.peek().start
            yield token.start, end, b""
        elif depth == 0 and token.word == "server":
            yield token.start, len(at.sql), b""
            return


def _edited(piece: Statement, edits: Iterator[tuple[int, int, bytes]]) -> Statement:
    sql = piece.sql
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return replace(piece, sql=sql, text=piece.text.replace(piece.sql, sql, 1))


_STATEMENTS: Mapping[tuple[str, ...], Callable[[PostgreSQLStandIns, Statement, Cursor], Statement | None]] = {
    ("create", "foreign", "table"): PostgreSQLStandIns._table,  # noqa: SLF001 - this module's own
    ("create", "server"): PostgreSQLStandIns._server,  # noqa: SLF001
    ("alter", "foreign", "table"): PostgreSQLStandIns._altered,  # noqa: SLF001
    ("comment", "on", "foreign", "table"): PostgreSQLStandIns._told,  # noqa: SLF001
    ("security", "label"): PostgreSQLStandIns._told,  # noqa: SLF001
}
