"""Where in a dump the data of large tables stands, so that a reader who does not want it can pass it over.

What is passed over leaves the lexer able to go on: of COPY data all rows, of INSERTs all statements
between a table's first and its last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from python_backup.dump.piece import Comment, DataBegin, DataEnd, Piece, Rows
from python_backup.model import Span

LEAST = 4 << 20
"""Bytes of a span that are worth passing over; there is one for each table at most a few times."""


@dataclass(slots=True)
class SpanCounter:
    """Takes every piece of one dump, in order; ``spans`` has what was found, by the table's label."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    _at: int = 0
    _table: str = ""
    _begin: tuple[int, int] = (0, 0)  # place and line where the span of the table begins
    _last: tuple[int, int] = (0, 0)  # where it would end
    _copy: bool = False
    _first: bool = False

    def take(self, piece: Piece) -> None:
        """Adds the piece's length, and looks at what begins or ends with it."""
        at = self._at
        self._at += len(piece.text)
        if isinstance(piece, Rows | Comment):
            return
        if isinstance(piece, DataBegin):
            self._data(piece, at)
        elif isinstance(piece, DataEnd):
            if self._copy:
                self._last = (at, piece.line)
            elif self._first:
                self._first = False
                self._begin = self._last = (self._at, piece.line + piece.text.count(b"\n"))
        elif self._table:
            self._close()

    def result(self) -> dict[str, tuple[Span, ...]]:
        """The spans; call it at the end of the dump."""
        self._close()
        return {table: tuple(found) for table, found in sorted(self.spans.items())}

    def _data(self, piece: DataBegin, at: int) -> None:
        if self._table == piece.table and not (piece.copy or self._copy):
            if not self._first:
                self._last = (at, piece.line)
            return
        self._close()
        self._table, self._copy, self._first = piece.table, piece.copy, not piece.copy
        self._begin = self._last = (self._at, piece.line + piece.text.count(b"\n"))

    def _close(self) -> None:
        (begin, line), (end, last) = self._begin, self._last
        if self._table and end - begin >= LEAST:
            self.spans.setdefault(self._table, []).append(Span(begin, end, last - line))
        self._table = ""
