"""What a dump asks of a server beside the rights to run it: extensions, tablespaces, room for a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement


class NeedsReader(Protocol):
    """Tells what a statement needs; one for each engine."""

    def __call__(self, statement: Statement) -> Iterable[tuple[str, str]]:
        """Kind and name of each thing that must be there (none for most).

        Kinds are plural words: ``extensions``, ``tablespaces``, ``collations``, ``grantees``,
        ``superuser`` (its name says what for), ``engines``, ``functions``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What a whole stream asks for: by kind each name and the line that first has it.

    ``longest`` is the bytes of the longest statement, data included where it is part of one, and
    ``longest_line`` its line.
    """

    names: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    longest: int = 0
    longest_line: int = 0

    def of(self, kind: str) -> Mapping[str, int]:
        """The names of one kind."""
        return self.names.get(kind, {})


@dataclass(slots=True)
class NeedsCounter:
    """Takes every piece of one stream, in order, and gives its needs at the end."""

    read: NeedsReader
    _names: dict[str, dict[str, int]] = field(default_factory=dict)
    _longest: tuple[int, int] = (0, 0)
    _open: tuple[int, int] | None = None

    def take(self, piece: Piece) -> None:
        """Looks at one piece."""
        match piece:
            case Rows() if self._open is not None:
                self._open = (self._open[0] + len(piece.text), self._open[1])
            case DataBegin() if not piece.copy:
                self._open = (len(piece.sql), piece.line)
            case DataEnd() if self._open is not None:
                self._longest = max(self._longest, self._open, key=_size)
                self._open = None
            case Statement():
                self._longest = max(self._longest, (len(piece.sql), piece.line), key=_size)
                for kind, name in self.read(piece):
                    self._names.setdefault(kind, {}).setdefault(name, piece.line)
            case _:
                pass

    def result(self) -> Needs:
        """The needs of all pieces taken."""
        return Needs(self._names, *self._longest)


def _size(statement: tuple[int, int]) -> int:
    return statement[0]
