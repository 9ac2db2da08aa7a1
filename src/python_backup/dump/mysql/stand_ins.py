"""Plain tables instead of those whose rows are elsewhere: FEDERATED, CONNECT, SPIDER, S3.

A stand-in has the columns and keys, and what the dump has of the rows; all that names another server or a
file goes. Only a CREATE TABLE that any server reads the same way is replaced: what is left is the guard's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from python_backup.dump.changes import Changes
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.edits import Edit, edited
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.outside import engine_outside
from python_backup.dump.mysql.tokens import Kind, Token, tokens
from python_backup.dump.piece import Piece, Statement
from python_backup.model import label

_HINTS = (b"ENGINE", b"CONNECTION")


@dataclass(slots=True)
class MysqlStandIns:
    """See `python_backup.dump.dialect.StandIns`."""

    changes: Changes
    _modes: SqlModes = field(default_factory=SqlModes)

    def replaced(self, piece: Piece) -> Piece:
        """The piece, or the CREATE TABLE of a stand-in."""
        if not isinstance(piece, Statement):
            return piece
        sql = piece.sql
        self._modes.follow(sql)
        if sql[:6].upper() != b"CREATE" or not any(hint in sql.upper() for hint in _HINTS):
            return piece
        found = tokens(sql, self._modes)
        what = definition(found)
        if what is None or what.kind != "TABLE" or what.temporary or what.name is None:
            return piece
        begin, end = what.name.after, _closing(found, what.name.after)
        if end is None or not _elsewhere(found[end + 1 :]) or b"/*" in sql[: found[end].end]:
            return piece
        plain = edited(sql[: found[end].end], _without_options(found[begin : end + 1]))
        plain += b" ENGINE=InnoDB" + _texts(found[end + 1 :])
        self.changes.stand_in("tables", label(what.name.name))
        self.changes.add("table elsewhere made local", piece.line, sql, plain)
        return replace(piece, sql=plain, text=piece.text.replace(sql, plain, 1))


def _closing(found: Sequence[Token], at: int) -> int | None:
    """The index of the bracket that closes the one that stands there."""
    depth = 0
    for n, token in enumerate(found[at:], at):
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth += (mark == b"(") - (mark == b")")
        if depth == 0:
            return n if mark == b")" else None
    return None


def _elsewhere(options: Sequence[Token]) -> bool:
    """Whether a table with these options has its rows on another server or in a file."""
    for at, token in enumerate(options[:-1]):
        value = options[at + 2] if options[at + 1].word == "=" and at + 2 < len(options) else options[at + 1]
        if token.word in ("ENGINE", "TYPE") and engine_outside(value):
            return True
        if token.word == "CONNECTION" and value.kind is Kind.STRING:
            return True
    return False


def _without_options(found: Sequence[Token]) -> Iterator[Edit]:
    """Takes out what CONNECT is told of columns: ``FLAG=4``, which no other engine knows."""
    depth = 0
    for at, token in enumerate(found):
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth += (mark == b"(") - (mark == b")")
        assigned = found[at + 1 : at + 3]
        if depth == 1 and len(assigned) > 1 and token.name is not None and assigned[0].word == "=":
            yield Edit(token.start, assigned[1].end, b"")


def _texts(options: Sequence[Token]) -> bytes:
    """The character set and collation among a table's options."""
    told = b""
    for at, token in enumerate(options[:-1]):
        if token.word in ("CHARSET", "COLLATE"):
            value = (
                options[at + 2] if options[at + 1].word == "=" and at + 2 < len(options) else options[at + 1]
            )
            told += b" %s=%s" % (token.text, value.text)
    return told
