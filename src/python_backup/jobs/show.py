"""What a backup holds of one table: its definition and its first rows, read from its own frames alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Dialect, Picker
from python_backup.dump.facts import FactsCounter
from python_backup.dump.pick import Pick
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.rowwise import RowCutter, ShapeReader
from python_backup.dump.table import DIALECTS
from python_backup.instance import Tools
from python_backup.jobs.opened import opened_for, peek
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import pieces_of
from python_backup.jobs.rows import Values, by_name
from python_backup.model import TableFacts
from python_backup.storage.folder import manifest_of
from python_backup.storage.stores.place import Named

_DEFINES = re.compile(
    rb"(?:/\*M?!\d*\s*)?(?:CREATE(?!\s+(?:DATABASE|SCHEMA)\b)|COMMENT\s+ON"
    rb"|ALTER(?!\s+DATABASE\b)(?!\s+TABLE\s.{1,300}\s(?:DIS|EN)ABLE\s+KEYS\b))",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ShownTable:
    """One table's rows: how many, their digest, and the first of them as the dump writes their values."""

    table: str
    rows: int | None
    digest: str
    columns: tuple[str, ...]
    first: tuple[Values, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What fits the name asked for: statements in the dump's order, and tables; ``read`` are stored bytes."""

    path: Named
    definition: tuple[str, ...]
    tables: tuple[ShownTable, ...]
    read: int


def pick_of(asked: str) -> Pick:
    """What is read for a name or pattern."""
    return Pick(tables=(asked,))


def show_table(path: Path, asked: str, limit: int, progress: Progress) -> Shown:
    """Looks up the tables of this name or pattern in an artifact; of each up to ``limit`` rows.

    Raises:
        UsageError: no table is called so.
        ArtifactError: the artifact is missing or damaged where it was read.
    """
    header = peek(path, Tools())
    dialect = DIALECTS[header.family if header else "postgresql"]
    manifest = manifest_of(path)
    database = manifest.database if manifest else header.database if header else None
    look = _Look(dialect, dialect.picker(pick_of(asked), Changes()), limit)
    read = 0

    def count(stored: bytes) -> None:
        nonlocal read
        read += len(stored)
        step.advance(len(stored))

    with (
        progress.step(f"reading {asked} in {path.name}") as step,
        opened_for(path, look.picker, count) as blocks,
    ):
        selected = dialect.selector(database).select(pieces_of(blocks, dialect.lexer()))
        for piece in look.picked(selected):
            look.take(piece)
    look.picker.finish()
    return Shown(path, tuple(look.definition), tuple(look.tables()), read)


@dataclass(slots=True)
class _Look:
    """What one pass gathers."""

    dialect: Dialect
    picker: Picker
    limit: int
    definition: list[str] = field(default_factory=list)
    found: dict[str, tuple[tuple[str, ...], list[Values]]] = field(default_factory=dict)
    shapes: ShapeReader = field(init=False)
    counter: FactsCounter = field(init=False)
    _rows: list[Values] = field(default_factory=list)
    _cutter: RowCutter | None = None

    def __post_init__(self) -> None:
        self.shapes = self.dialect.shapes()
        self.counter = FactsCounter(self.dialect.objects())

    def picked(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """What belongs to the tables; the shapes learn from all statements."""
        for piece in pieces:
            if isinstance(piece, Statement):
                self.shapes.take(piece)
            yield from self.picker.pick((piece,))

    def take(self, piece: Piece) -> None:
        self.counter.take(piece)
        match piece:
            case Statement() if _DEFINES.match(piece.sql):
                self.definition.append(piece.sql.decode("utf-8", "backslashreplace").strip())
            case DataBegin():
                form = self.shapes.form(piece)
                _, self._rows = self.found.setdefault(piece.table, (form.columns, []))
                self._cutter = RowCutter(form)
            case Rows() if self._cutter is not None and len(self._rows) < self.limit:
                for row in self._cutter.take(piece.canonical):
                    if len(self._rows) < self.limit:
                        self._rows.append(by_name(self._cutter.form, self._cutter.form.values(row)))
            case DataEnd():
                self._cutter = None
            case _:
                pass

    def tables(self) -> Iterator[ShownTable]:
        """Every table that was taken, those without rows too."""
        for facts in self.counter.result().tables:
            columns, rows = self.found.get(facts.name, ((), []))
            yield _shown(facts, columns, rows)


def _shown(facts: TableFacts, columns: tuple[str, ...], rows: list[Values]) -> ShownTable:
    return ShownTable(facts.name, facts.rows, facts.digest, columns, tuple(rows))
