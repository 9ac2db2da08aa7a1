"""How long the parts of a load take: each table's data, and the making of indexes and constraints.

Measured where the pieces are handed over: what passes until the next is asked for belongs to the last.
An engine that reads ahead is behind by what it holds, a few blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic

from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement

_INDEXING = re.compile(
    rb"CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\b"
    rb"|ALTER\s+TABLE\b.{1,400}?(?:\sADD\s+(?:CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|KEY|INDEX|FULLTEXT|SPATIAL)"
    rb"|\sENABLE\s+KEYS)\b"
    rb"|/\*!40000 ALTER TABLE \S+ ENABLE KEYS",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(slots=True)
class LoadClock:
    """Seconds by table (`model.label`), and all that indexes and constraints took."""

    tables: dict[str, float] = field(default_factory=dict)
    indexing: float = 0.0
    _table: str | None = None
    _indexes: bool = False

    def timed(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The same pieces."""
        begun: float | None = None
        try:
            for piece in pieces:
                now = monotonic()  # the reader's own time is the load's too: it waits for it
                if begun is not None:
                    self._spent(now - begun)
                begun = now
                self._next(piece)
                yield piece
        finally:
            if begun is not None:
                self._spent(monotonic() - begun)

    def _spent(self, seconds: float) -> None:
        if self._table is not None:
            self.tables[self._table] = self.tables.get(self._table, 0.0) + seconds
        elif self._indexes:
            self.indexing += seconds

    def _next(self, piece: Piece) -> None:
        match piece:
            case DataBegin():
                self._table, self._indexes = piece.table, False
            case Rows() | DataEnd():
                pass
            case Statement():
                self._table, self._indexes = None, _INDEXING.match(piece.sql) is not None
            case _:
                self._table = None
