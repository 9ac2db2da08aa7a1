"""Digests of tables' rows that do not depend on their order: the sum of each row's own digest.

Slower than the digest of the stream, which `facts` takes of everything: it is asked for of those
tables whose rows came in another order, or were written by another tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from blake3 import blake3

from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.rowwise import RowCutter, RowForm, ShapeReader
from python_backup.dump.values import text_of

_BYTES = 32


@dataclass(slots=True)
class UnorderedDigests:
    """Takes every piece of one dump, in order, and gives the digests of the tables asked for.

    A table's rows may stand in several statements; equal rows count as often as they stand there. A row
    is its text as written, or with ``by_value`` what its columns hold, whichever tool wrote it how.
    """

    shapes: ShapeReader
    tables: frozenset[str]
    by_value: bool = False
    _sums: dict[str, int] = field(default_factory=dict)
    _table: str = ""
    _cutter: RowCutter | None = None

    def take(self, piece: Piece) -> None:
        """Takes one piece."""
        match piece:
            case Statement():
                self.shapes.take(piece)
            case DataBegin() if piece.table in self.tables:
                self._table, self._cutter = piece.table, RowCutter(self.shapes.form(piece))
            case Rows() if self._cutter is not None:
                self._add(self._cutter.form, self._cutter.take(piece.canonical))
            case DataEnd() if self._cutter is not None:
                if rest := self._cutter.rest():
                    self._add(self._cutter.form, iter((rest,)))
                self._cutter = None
            case _:
                pass

    def result(self) -> Mapping[str, str]:
        """By table ``blake3-sum:`` and 64 hex digits, of those that have data."""
        return {table: f"blake3-sum:{total:064x}" for table, total in self._sums.items()}

    def _add(self, form: RowForm, rows: Iterator[bytes]) -> None:
        texts = (_by_name(form, row) for row in rows) if self.by_value else rows
        found = sum(int.from_bytes(blake3(text).digest(), "big") for text in texts)
        self._sums[self._table] = (self._sums.get(self._table, 0) + found) % (1 << 8 * _BYTES)


def _by_name(form: RowForm, row: bytes) -> bytes:
    """What a row holds by its columns' names, each value with its length; as written where none are known."""
    values = form.values(row)
    if len(values) != len(form.columns):
        return row
    named = sorted(zip(map(str.casefold, form.columns), values, strict=True))
    texts = ((name, text_of(value, form)) for name, value in named)
    return b"".join(
        b"%s\0%d\0%s"
        % (name.encode("utf-8", "surrogateescape"), -1 if text is None else len(text), text or b"")
        for name, text in texts
    )
