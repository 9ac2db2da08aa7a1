"""Damages done to copies of a backup, to see whether a drill notices: one table, one function each.

A damage of the stored bytes leaves the sums as they were. A damage of the content is a dump that reads
well; its copy is given sums of its own, and only what the original held tells that it is bad.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Dialect
from python_backup.dump.pick import Pick
from python_backup.dump.piece import Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.rowwise import RowCutter, RowForm

OTHER = (
    b"CREATE TABLE vya_selftest (id integer NOT NULL PRIMARY KEY, note varchar(20));\n"
    b"INSERT INTO vya_selftest VALUES (1,'another'),(2,'database');\n"
)
"""A dump of another database, for every engine."""

_COMMENTS = re.compile(rb"(?:--[^\n]*\n|\s)+")


@dataclass(frozen=True, slots=True)
class StoredDamage:
    """One done to the stored bytes, of which there are so many."""

    name: str
    done: str
    alter: Callable[[Iterator[bytes], int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class ContentDamage:
    """One done to what the dump holds of one table, which must have ``rows`` rows; gives plain SQL."""

    name: str
    done: str
    alter: Callable[[Iterator[Piece], Dialect, str], Iterator[bytes]]
    rows: int = 0


Damage = StoredDamage | ContentDamage


def truncated(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first two thirds."""
    left = size * 2 // 3
    for block in blocks:
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return


def flipped(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """All of it, with one bit in the middle changed."""
    at = size // 2
    for block in blocks:
        if 0 <= at < len(block):
            yield block[:at] + bytes((block[at] ^ 1,)) + block[at + 1 :]
        else:
            yield block
        at -= len(block)


def emptied(_blocks: Iterator[bytes], _size: int) -> Iterator[bytes]:
    """Nothing."""
    return iter(())


def another(pieces: Iterator[Piece], _dialect: Dialect, _table: str) -> Iterator[bytes]:
    """The comments alone, the tool's end mark among them, and a table of another database."""
    told = False
    for piece in pieces:
        if isinstance(piece, Statement | DataBegin) and not told:
            told = True
            leading = _COMMENTS.match(piece.text)
            yield leading.group() if leading else b""
            yield OTHER
        elif isinstance(piece, Comment):
            yield piece.text


def without_table(pieces: Iterator[Piece], dialect: Dialect, table: str) -> Iterator[bytes]:
    """The dump without a table and what belongs to it."""
    picker = dialect.picker(Pick(excluded=(table,)), Changes())
    return (piece.text for piece in picker.pick(pieces))


def halved(pieces: Iterator[Piece], dialect: Dialect, table: str) -> Iterator[bytes]:
    """The dump without every second row of a table."""
    return _rows_changed(pieces, dialect, table, _EverySecond)


def swapped(pieces: Iterator[Piece], dialect: Dialect, table: str) -> Iterator[bytes]:
    """The dump with a value of each row of a table in its neighbour, so that all is as large as before."""
    return _rows_changed(pieces, dialect, table, _Swapped)


DAMAGES: tuple[Damage, ...] = (
    StoredDamage("truncated", "the last third of the file is cut off", truncated),
    StoredDamage("bit-flipped", "one bit in the middle of the file is changed", flipped),
    StoredDamage("empty", "the file has no bytes", emptied),
    ContentDamage("wrong database", "a whole dump of another database", another),
    ContentDamage("missing table", "table {table} is left out", without_table),
    ContentDamage("missing rows", "every second row of {table} is left out", halved, rows=2),
    ContentDamage(
        "semantically dead", "right size, wrong rows: values of {table} are swapped", swapped, rows=2
    ),
)


class Undamaged(Exception):
    """The table's rows are such that this damage leaves them as they are."""


class _EverySecond:
    """Passes the first, the third … row on."""

    def __init__(self, _form: RowForm) -> None:
        self.changes = 0
        self._keep = False

    def take(self, row: bytes) -> Iterator[bytes]:
        self._keep = not self._keep
        if self._keep:
            yield row
        self.changes += not self._keep

    def rest(self) -> Iterator[bytes]:
        return iter(())


@dataclass(slots=True)
class _Swapped:
    """Swaps a value of each two rows, where then other rows than before stand there."""

    form: RowForm
    changes: int = 0
    _held: bytes | None = None

    def take(self, row: bytes) -> Iterator[bytes]:
        if self._held is None:
            self._held = row
            return
        one, other = self.form.values(self._held), self.form.values(row)
        differing = [i for i in range(min(len(one), len(other))) if one[i] != other[i]]
        if len(differing) > 1:
            at = differing[-1]
            one[at], other[at] = other[at], one[at]
            self.changes += 1
        self._held = None
        yield self._written(one)
        yield self._written(other)

    def rest(self) -> Iterator[bytes]:
        if self._held is not None:
            yield self._held
        self._held = None

    def _written(self, values: list[bytes]) -> bytes:
        return b"\t".join(values) if self.form.copy else b"(" + b",".join(values) + b")"


Changer = _EverySecond | _Swapped


@dataclass(slots=True)
class _Data:
    """Writes one data statement again, with other rows; an INSERT that is left without any goes."""

    begun: DataBegin
    cutter: RowCutter
    end: bytes = b""
    _any: bool = field(default=False)

    def rows(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        for row in rows:
            yield b"," if self._any and not self.begun.copy else b"" if self._any else self.begun.text
            yield row + b"\n" if self.begun.copy else row
            self._any = True

    def ended(self, text: bytes) -> Iterator[bytes]:
        self.end = text
        if self.begun.copy and not self._any:
            yield self.begun.text
        if self.begun.copy or self._any:
            yield text
        self._any = False


def _rows_changed(
    pieces: Iterator[Piece], dialect: Dialect, table: str, make: Callable[[RowForm], Changer]
) -> Iterator[bytes]:
    """The dump with the rows that a changer makes of a table's, whatever statements they stand in.

    Raises:
        Undamaged: at the end, where they are the same.
    """
    shapes = dialect.shapes()
    data: _Data | None = None
    changer: Changer | None = None
    for piece in pieces:
        if isinstance(piece, DataBegin) and piece.table == table:
            form = shapes.form(piece)
            changer, data = changer or make(form), _Data(piece, RowCutter(form))
        elif isinstance(piece, Rows) and data is not None and changer is not None and not data.end:
            for row in data.cutter.take(piece.canonical):
                yield from data.rows(changer.take(row))
        elif isinstance(piece, DataEnd) and data is not None and not data.end:
            yield from data.ended(piece.text)
        else:
            if data is not None and changer is not None and not isinstance(piece, Comment):
                yield from _left(data, changer)
                data = None
            if isinstance(piece, Statement):
                shapes.take(piece)
            yield piece.text
    if changer is None or not changer.changes:
        raise Undamaged
    if data is not None:
        yield from _left(data, changer)


def _left(data: _Data, changer: Changer) -> Iterator[bytes]:
    """What the changer held back, in a statement of its own."""
    rest = tuple(changer.rest())
    if rest:
        yield from data.rows(rest)
        yield from data.ended(data.end)
