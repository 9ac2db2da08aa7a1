"""All that can be said of an artifact without a server, table by table, beside its manifest.

Looks on while `examine` reads: at every row, whether it has a value for each column of its table; at every
statement, whether a restore would take it; at the decoded bytes' sum. Where reading breaks off, it knows the
table in which that was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from python_backup.dump.dialect import Dialect, Guard
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.rowwise import RowCutter, ShapeReader
from python_backup.errors import UnsafeDump
from python_backup.jobs.compare import ObjectsCompared, compare_made, compare_numbers, compare_sequences
from python_backup.jobs.evidence import Check
from python_backup.model import Facts, Format, Manifest, TableFacts

LONGEST = 16 << 20
"""Bytes of a row that is looked at: more are held in memory as many times over."""


class TableState(StrEnum):
    """What is known of one table. ``unread``: the dump broke off before its end."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    BESIDES = "besides"
    UNREAD = "unread"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True)
class TableVerified:
    """One table: its rows as the manifest says and as they stand in the dump, both None where unknown.

    ``fault`` says what is wrong with its first row that is not as the table's columns are.
    """

    table: str
    expected: int | None
    found: int | None
    size: int
    state: TableState
    fault: str | None = None

    @property
    def good(self) -> bool:
        """Whether nothing stands against it."""
        return self.state in (TableState.SAME, TableState.COUNTED) and self.fault is None


@dataclass(slots=True)
class DeepLook:
    """One artifact's witness (`examine.Witness`), and what it says at the end."""

    _dialect: Dialect | None = None
    _guard: Guard | None = None
    _shapes: ShapeReader | None = None
    _counter: FactsCounter | None = None
    _cutter: RowCutter | None = None
    _table: str | None = None
    _last: str | None = None
    _line: int = 0
    _size: int = 0
    _longer: int = 0
    _statements: int = 0
    _refused: UnsafeDump | None = None
    _faults: dict[str, str] = field(default_factory=dict)
    _sum: hashlib._Hash = field(default_factory=hashlib.sha256)

    def begin(self, dialect: Dialect, source: str | None, counter: FactsCounter) -> None:
        """See `examine.Witness`."""
        self._dialect, self._counter = dialect, counter
        self._guard = None if source is None else dialect.guard(source)
        self._shapes = dialect.shapes()

    def decoded(self, block: bytes) -> None:
        """Sums one block."""
        self._sum.update(block)
        self._size += len(block)

    def take(self, piece: Piece) -> None:
        """Looks at one piece."""
        if self._guard is not None:
            try:
                self._guard.check(piece)
            except UnsafeDump as exc:
                self._refused, self._guard = exc, None
        match piece:
            case Rows():
                self._rows(piece)
            case DataBegin():
                self._begun(piece)
            case DataEnd():
                self._ended()
            case Statement() if self._shapes is not None:
                self._statements += 1
                self._shapes.take(piece)
            case _:
                pass

    def _begun(self, piece: DataBegin) -> None:
        assert self._shapes is not None  # begun before any piece
        self._table = self._last = piece.table
        form = self._shapes.form(piece)
        watched = form.columns and piece.table not in self._faults
        self._cutter = RowCutter(form, odd=True, most=LONGEST) if watched else None

    def _rows(self, piece: Rows) -> None:
        self._line = piece.line
        if self._cutter is None or self._table is None:
            return
        wanted = len(self._cutter.form.columns)
        for row in self._cutter.take(piece.canonical):
            if (found := len(self._cutter.form.values(row))) != wanted:
                where = f"in or after line {piece.line}"
                self._faults[self._table] = f"a row has {found} values for {wanted} columns, {where}"
                self._cutter = None
                return

    def _ended(self) -> None:
        if self._cutter is not None and self._table is not None and self._cutter.rest():
            self._faults[self._table] = f"the rows end amid one, in or after line {self._line}"
        if self._cutter is not None:
            self._longer += self._cutter.longer
        self._table = self._cutter = None

    def facts(self) -> Facts | None:
        """What was counted, as far as the dump was read; None where nothing was."""
        return None if self._counter is None else self._counter.result()

    def tables(self, manifest: Manifest | None, *, whole: bool) -> Iterator[TableVerified]:
        """Every table of the manifest and of the dump, sorted; ``whole``: it was read to its end."""
        facts = self.facts()
        found = {table.name: table for table in (facts.tables if facts else ())}
        written = {table.name: table for table in (manifest.facts.tables if manifest else ())}
        for name in sorted({*found, *written}):
            old, new = written.get(name), found.get(name)
            known = new or old
            yield TableVerified(
                name,
                old.rows if old else None,
                new.rows if new else None,
                known.size if known else 0,
                self._state(name, old, new, whole=whole) if manifest else TableState.COUNTED,
                self._faults.get(name),
            )

    def _state(self, name: str, old: TableFacts | None, new: TableFacts | None, *, whole: bool) -> TableState:
        if old == new:
            return TableState.SAME
        if not whole and (new is None or name == self._table or (old and not new.size)):
            return TableState.UNREAD
        if old is None:
            return TableState.BESIDES
        return TableState.MISSING if new is None else TableState.DIFFERS

    def objects(self, manifest: Manifest | None) -> tuple[ObjectsCompared, ...]:
        """Every kind of object that the dump makes, beside the manifest's."""
        facts = self.facts()
        if manifest is None or facts is None:
            return ()
        return compare_made(manifest.facts, facts)

    def checks(self, manifest: Manifest | None, *, whole: bool) -> Iterator[Check]:
        """What is to be said beside the tables, of checks that `examine` has not."""
        if not whole:
            if self._last is not None:
                where = f"amid the rows of {self._table}" if self._table else f"after table {self._last}"
                yield Check("place", f"reading broke off {where}, near line {self._line}", ok=False)
            return
        if manifest is not None and manifest.artifact.format is not Format.CUSTOM:
            yield self._raw_check(manifest)
        yield self._statements_check()
        yield self._rows_check()
        if manifest is not None and (facts := self.facts()):
            differing = (
                *compare_sequences(manifest.facts.sequences, facts.sequences),
                *compare_numbers(manifest.facts.next_numbers, facts.next_numbers, least=False),
            )
            if differing:
                yield Check("sequences", "; ".join(differing), ok=False)

    def _raw_check(self, manifest: Manifest) -> Check:
        size, found = manifest.artifact.raw_size, self._sum.hexdigest()
        if manifest.artifact.format is Format.PARTS:  # its parts' sums, and the tables' digests, say the rest
            detail = f"{self._size:,} bytes of SQL, the manifest says {size:,}"
            return Check("decoded", detail, ok=size == self._size)
        if (size, manifest.artifact.raw_sha256) == (self._size, found):
            return Check("decoded", "size and sha256 of the SQL are the manifest's", ok=True)
        detail = f"{self._size:,} bytes of SQL with sha256 {found}, the manifest says {size:,} with "
        return Check("decoded", detail + manifest.artifact.raw_sha256, ok=False)

    def _statements_check(self) -> Check:
        if self._refused is not None:
            return Check("statements", f"a restore would refuse this: {self._refused.message}", ok=False)
        if self._guard is None:
            return Check("statements", "the dump does not say which database it is of", ok=None)
        return Check("statements", f"a restore would take all {self._statements:,}", ok=True)

    def _rows_check(self) -> Check:
        if self._faults:
            return Check("rows", "; ".join(f"{t}: {f}" for t, f in sorted(self._faults.items())), ok=False)
        every = "every row has a value for each column of its table"
        if self._longer:
            every += f"; {self._longer:,} of more than {LONGEST >> 20} MiB were not looked at"
        return Check("rows", every, ok=True)
