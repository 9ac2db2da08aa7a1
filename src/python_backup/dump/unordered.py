"""Digests of tables' rows that do not depend on their order: the sum of each row's own digest.

Slower than the digest of the stream, which `facts` takes of everything: it is asked for of those
tables whose rows came in another order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from blake3 import blake3

from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows

_BYTES = 32
_ROW = re.compile(
    rb"\((?:[^'()]++|'(?:[^'\\]++|\\.)*+'|\((?:[^'()]++|'(?:[^'\\]++|\\.)*+')*+\))*+\)", re.DOTALL
)


@dataclass(slots=True)
class UnorderedDigests:
    """Takes every piece of one dump, in order, and gives the digests of the tables asked for.

    A table's rows may stand in several statements; equal rows count as often as they stand there.
    """

    tables: frozenset[str]
    _sums: dict[str, int] = field(default_factory=dict)
    _current: DataBegin | None = None
    _cut: bytes = b""

    def take(self, piece: Piece) -> None:
        """Takes one piece."""
        match piece:
            case DataBegin():
                self._current = piece if piece.table in self.tables else None
            case Rows() if self._current is not None:
                self._rows(self._current, self._cut + piece.canonical)
            case DataEnd() if self._current is not None:
                if self._cut:
                    self._add(self._current.table, self._cut)
                self._current, self._cut = None, b""
            case _:
                pass

    def result(self) -> Mapping[str, str]:
        """By table ``blake3-sum:`` and 64 hex digits, of those that have data."""
        return {table: f"blake3-sum:{total:064x}" for table, total in self._sums.items()}

    def _rows(self, begun: DataBegin, text: bytes) -> None:
        if begun.copy:
            *rows, self._cut = text.split(b"\n")
            self._add(begun.table, *rows)
            return
        end = 0
        while row := _ROW.match(text, end):
            self._add(begun.table, row.group())
            end = row.end() + text.startswith(b",", row.end())
        self._cut = text[end:]

    def _add(self, table: str, *rows: bytes) -> None:
        found = sum(int.from_bytes(blake3(row).digest(), "big") for row in rows)
        self._sums[table] = (self._sums.get(table, 0) + found) % (1 << 8 * _BYTES)
