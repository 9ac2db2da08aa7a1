"""The history of MariaDB's system-versioned tables, which not every MariaDB takes from a dump.

mariadb-dump writes history between two settings of ``system_versioning_insert_history`` (10.11), and each
current row with the end of time as its end. That is 2038 before MariaDB 11.5, and 2106 from then on.
Source: MariaDB knowledge base, "System-Versioned Tables" and "TIMESTAMP".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from python_backup.dump.mysql.features import Feature
from python_backup.dump.piece import DataBegin, Piece, Rows, Statement

_SETS = re.compile(
    rb"(?is)(?:/\*M!\d*\s*)?SET\b.*?(?<!@old_)system_versioning_insert_history\s*:?=\s*(1\b|ON\b)?"
)
_ENDS = {
    b"'2038-01-19 03:14:07.999999'": ("2038, as before MariaDB 11.5", (10, 11), (11, 5)),
    b"'2106-02-07 06:28:15.999999'": ("2106, as since MariaDB 11.5", (11, 5), None),
}
"""The end of time in a dump's words, and which versions have it."""

_WIDTH = 28


@dataclass(slots=True)
class History:
    """Finds the history in one dump's pieces, in order."""

    _on: bool = False
    _begin: DataBegin | None = None
    _last: bytes = b""
    _said: set[tuple[str, bytes]] = field(default_factory=set)

    def take(self, piece: Piece) -> Iterator[tuple[int, Feature]]:
        """What this piece has of it, with its line; each end of time once for each table."""
        match piece:
            case Statement() if b"system_versioning" in piece.sql:
                found = _SETS.match(piece.sql)
                self._on = found[1] is not None if found else self._on
            case DataBegin() if self._on:
                self._begin, self._last = piece, b""
                yield piece.line, Feature(f"the history of table {piece.table}", None, (10, 11))
            case Rows() if self._on and self._begin is not None:
                yield from self._ends(piece.text, self._begin)
            case _:
                pass

    def _ends(self, rows: bytes, begin: DataBegin) -> Iterator[tuple[int, Feature]]:
        seen = self._last + rows
        for text, (end, first, until) in _ENDS.items():
            if text in seen and (begin.table, text) not in self._said:
                self._said.add((begin.table, text))
                name = f"current rows of table {begin.table} that end in {end}"
                yield begin.line, Feature(name, None, first, until)
        self._last = rows[-_WIDTH:]
