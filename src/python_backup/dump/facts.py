"""Counts and digests what a lexer marks as data, and collects what its statements create."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from blake3 import blake3

from python_backup.dump.created import Created
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.statements import StatementDigests, StatementReader
from python_backup.model import Facts, TableFacts

_VALUES = frozenset({"sequence_value", "next_number"})


class ObjectReader(Protocol):
    """Tells what a statement creates; one for each engine."""

    def __call__(self, statement: Statement) -> Iterable[Created]:
        """The objects that this statement makes (none for most)."""
        ...


class _Digest(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


@dataclass(slots=True)
class _Table:
    digest: _Digest
    rows: int = 0
    size: int = 0
    counted: bool = True
    begun: bool = False


@dataclass(slots=True)
class FactsCounter:
    """Takes every piece of one dump, in order, and gives its facts at the end."""

    created_by: ObjectReader
    made_by: StatementReader | None = None
    new_digest: Callable[[], _Digest] = blake3
    _tables: dict[str, _Table] = field(default_factory=dict)
    _objects: dict[str, list[str]] = field(default_factory=dict)
    _values: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in _VALUES})
    _statements: StatementDigests = field(default_factory=StatementDigests)
    _current: _Table | None = None

    def take(self, piece: Piece) -> None:
        """Counts one piece."""
        match piece:
            case Rows():
                self._rows(piece)
            case DataBegin():
                self._begin(piece)
            case DataEnd():
                self._end(piece)
            case Statement():
                self._statement(piece)
            case _:
                pass

    def result(self) -> Facts:
        """The facts of all pieces taken; tables that have no data are there with no rows."""
        for name in self._objects.get("tables", ()):
            self._tables.setdefault(name, _Table(self.new_digest()))
        return Facts(
            tables=tuple(
                TableFacts(name, t.rows if t.counted else None, t.size, f"blake3:{t.digest.hexdigest()}")
                for name, t in sorted(self._tables.items())
            ),
            objects={kind: tuple(sorted(names)) for kind, names in sorted(self._objects.items()) if names},
            sequences=dict(sorted(self._values["sequence_value"].items())),
            statements=self._statements.result(),
            next_numbers=dict(sorted(self._values["next_number"].items())),
        )

    def _begin(self, piece: DataBegin) -> None:
        table = self._tables.get(piece.table)
        if table is None:
            table = self._tables[piece.table] = _Table(self.new_digest())
        if table.begun and not piece.copy:
            table.digest.update(b",")  # a further INSERT goes on with the same list of rows
        table.begun = True
        self._current = table

    def _rows(self, piece: Rows) -> None:
        table = self._current
        if table is None:
            raise AssertionError("rows outside data")
        table.size += len(piece.text)
        table.digest.update(piece.canonical)

    def _end(self, piece: DataEnd) -> None:
        table = self._current
        if table is None:
            raise AssertionError("an end outside data")
        if piece.rows is None:
            table.counted = False
        else:
            table.rows += piece.rows
        self._current = None

    def _statement(self, piece: Statement) -> None:
        all_created = tuple(self.created_by(piece))
        if self.made_by is not None and (made := self.made_by(piece, all_created)) is not None:
            self._statements.add(made)
        for created in all_created:
            if created.kind in _VALUES:
                self._values[created.kind][created.name] = created.value or 0
            elif not created.gone:
                self._objects.setdefault(created.kind, []).append(created.name)
            elif created.name in (names := self._objects.get(created.kind, [])):
                names.remove(created.name)
                self._statements.drop(created.kind, created.name)
                self._values["next_number"].pop(created.name, None)
