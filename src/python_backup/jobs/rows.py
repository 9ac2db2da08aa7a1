"""The changed rows of one table, between two dumps: by its primary key, or as rows where it has none.

A first pass reads the key; a second writes two digests of each row, of its key and of all its values, to
private files, in which the rows that are in one dump alone are found part by part; a third takes up those
rows of which the values are shown. So memory holds a part of the digests and the rows shown, whatever the
table's size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from blake3 import blake3

from python_backup.dump.pick import Held
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.rowwise import RowCutter, RowForm
from python_backup.dump.table import DIALECTS
from python_backup.errors import UsageError
from python_backup.instance import Tools
from python_backup.jobs.diff import DiffReport, Side
from python_backup.jobs.opened import opened_for, peek
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import pieces_of
from python_backup.stream.private import private_files
from python_backup.stream.scattered import PARTS, Scattered

_DIGEST = 16
_IN_MEMORY = 200_000
"""Rows of one part, about; each takes some 150 bytes."""

Values = Mapping[str, str | None]


class Change(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row by its key; values are as the dump writes them, NULL is None."""

    change: Change
    key: Values
    before: Values | None
    after: Values | None


@dataclass(frozen=True, slots=True)
class RowsReport:
    """What changed in one table; ``rows`` are as many as asked for, sorted, and the counts of all.

    ``key`` is empty where the table has none: then a changed row is one removed and one added.
    """

    table: str
    key: tuple[str, ...]
    columns_before: tuple[str, ...]
    columns_after: tuple[str, ...]
    added: int
    removed: int
    changed: int
    rows: tuple[RowChange, ...]

    @property
    def same(self) -> bool:
        """Whether no row changed."""
        return not (self.added or self.removed or self.changed)


def changed_rows(report: DiffReport, asked: str, limit: int, progress: Progress) -> RowsReport:
    """What changed in one table, with the values of up to ``limit`` rows.

    Raises:
        UsageError: neither backup has such a table, or they hold its rows in forms of two kinds.
        ArtifactError: one of the artifacts is missing or damaged.
    """
    table = _named(report, asked)
    old, new = (_Source(side, table, progress) for side in (report.before, report.after))
    key = new.key() or old.key()
    old.by = new.by = key
    sides = (report.before, report.after)
    rows = sum(t.rows or 0 for side in sides for t in side.facts.tables if t.name == table)
    with private_files({}) as folder:
        parts = min(PARTS, 1 + rows // _IN_MEMORY)
        before, after = (Scattered(folder, name, 2 * _DIGEST, parts) for name in ("before", "after"))
        before.write(old.digests())
        after.write(new.digests())
        _check_forms(old, new)
        found = _Found(limit)
        for part in range(parts):
            found.take(before.read(part), after.read(part))
    shown = tuple(_shown(key, old.values(found.lost), new.values(found.come)))
    return RowsReport(
        table, key, old.columns, new.columns, found.added, found.removed, found.changed, shown[:limit]
    )


def _named(report: DiffReport, asked: str) -> str:
    """The table's whole name; its schema may be left out where that leaves no doubt."""
    names = {table.table for table in report.tables}
    fitting = [asked] if asked in names else sorted(n for n in names if n.rpartition(".")[2] == asked)
    if len(fitting) == 1:
        return fitting[0]
    raise UsageError(
        f"{'several tables are' if fitting else 'neither backup has a table'} called {asked!r}",
        hint=f"There are: {', '.join(fitting or sorted(names))}.",
    )


def _check_forms(old: _Source, new: _Source) -> None:
    if None not in (old.copy, new.copy) and old.copy != new.copy:
        raise UsageError(
            f"one backup holds the rows of {old.table} as COPY, the other as INSERTs",
            hint="Compare backups that were made with the same options of the dump tool.",
        )


@dataclass(slots=True)
class _Source:
    """One table of one backup; ``by`` is its key, once that is known.

    ``wanted`` is the table whose rows a pass is for.
    """

    side: Side
    table: str
    progress: Progress
    by: tuple[str, ...] = ()
    wanted: str = ""
    columns: tuple[str, ...] = ()
    copy: bool | None = None

    def key(self) -> tuple[str, ...]:
        """The table's primary key, which may be said behind its rows."""
        dialect = DIALECTS[self._family()]
        shapes = dialect.shapes()
        for piece in self._pieces("the key", ""):
            if isinstance(piece, Statement):
                shapes.take(piece)
        return shapes.key(self.table)

    def digests(self) -> Iterator[bytes]:
        """Of each row the digest of its key and that of its values, joined; twice the same without a key."""
        for form, row in self._rows("the rows"):
            yield self._digested(form, form.values(row))

    def values(self, wanted: Collection[bytes]) -> dict[bytes, list[Values]]:
        """The values of those rows, by the digest of their key."""
        found: dict[bytes, list[Values]] = {}
        left = Counter(wanted)
        if not left:
            return found
        for form, row in self._rows("the changed rows"):
            values = form.values(row)
            digest = self._digested(form, values)
            if left[digest] > 0:
                left[digest] -= 1
                found.setdefault(digest[:_DIGEST], []).append(by_name(form, values))
                if not +left:
                    break
        return found

    def _digested(self, form: RowForm, values: list[bytes]) -> bytes:
        whole = blake3(b"\x00".join(values)).digest(_DIGEST)
        if not self.by or not set(self.by) <= set(form.columns) or len(values) != len(form.columns):
            return whole + whole
        given = dict(zip(form.columns, values, strict=True))
        return blake3(b"\x00".join(given[column] for column in self.by)).digest(_DIGEST) + whole

    def _rows(self, what: str) -> Iterator[tuple[RowForm, bytes]]:
        """Every row of the table, and how it is written."""
        shapes = DIALECTS[self._family()].shapes()
        cutter: RowCutter | None = None
        for piece in self._pieces(what, self.table):
            match piece:
                case Rows() if cutter is not None:
                    for row in cutter.take(piece.canonical):
                        yield cutter.form, row
                case DataBegin() if piece.table == self.table:
                    cutter = RowCutter(shapes.form(piece))
                    self.columns, self.copy = cutter.form.columns, cutter.form.copy
                case DataEnd():
                    cutter = None
                case Statement():
                    shapes.take(piece)
                case _:
                    pass

    def passes_over(self, held: Held) -> bool:
        """Whether these are rows of other tables than the wanted one."""
        return self.wanted not in held.tables

    def _pieces(self, what: str, wanted: str) -> Iterator[Piece]:
        """All of the dump but rows of other tables, as far as these can be passed over."""
        path: Path = self.side.artifact
        dialect = DIALECTS[self._family()]
        self.wanted = wanted
        with (
            self.progress.step(f"reading {what} of {self.table} in {path.name}") as step,
            opened_for(path, self, lambda stored: step.advance(len(stored))) as blocks,
        ):
            selector = dialect.selector(self.side.database)
            yield from selector.select(pieces_of(blocks, dialect.lexer()))

    def _family(self) -> str:
        header = peek(self.side.artifact, Tools())
        return header.family if header else "postgresql"


@dataclass(slots=True)
class _Found:
    """What was found part by part: counts of all, and the digests of up to ``limit`` rows of each dump."""

    limit: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    lost: list[bytes] = field(default_factory=list)
    come: list[bytes] = field(default_factory=list)
    _kept: int = 0

    def take(self, before: Iterator[bytes], after: Iterator[bytes]) -> None:
        """Finds in one part what is in one dump alone."""
        lost, come = Counter(before), []
        for record in after:
            if lost.get(record):
                lost[record] -= 1
            else:
                come.append(record)
        old: dict[bytes, list[bytes]] = {}
        for record in lost.elements():
            old.setdefault(record[:_DIGEST], []).append(record)
        for record in come:
            was = old.get(record[:_DIGEST])
            self.changed += bool(was)
            self.added += not was
            self._keep([was.pop()] if was else [], [record])
        for records in old.values():
            self.removed += len(records)
            for record in records:
                self._keep([record], [])

    def _keep(self, lost: list[bytes], come: list[bytes]) -> None:
        if self._kept < self.limit:
            self._kept += 1
            self.lost += lost
            self.come += come


def _shown(
    key: tuple[str, ...], old: dict[bytes, list[Values]], new: dict[bytes, list[Values]]
) -> Iterator[RowChange]:
    """The rows of both dumps beside each other, sorted by their keys."""
    found: list[RowChange] = []
    for digest in {**old, **new}:
        before, after = old.get(digest, []), new.get(digest, [])
        for n in range(max(len(before), len(after))):
            was, now = (rows[n] if n < len(rows) else None for rows in (before, after))
            change = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
            known = now or was or {}
            found.append(RowChange(change, {column: known.get(column) for column in key}, was, now))
    yield from sorted(found, key=_place)


def _place(one: RowChange) -> list[tuple[int, float, str]]:
    return [_sortable(value) for value in (one.key or one.after or one.before or {}).values()]


def _sortable(value: str | None) -> tuple[int, float, str]:
    """Numbers by their value, and before all text."""
    text = value or ""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def by_name(form: RowForm, values: list[bytes]) -> Values:
    """A row's values by their columns, or by their places where the dump names none."""
    names = form.columns if len(form.columns) == len(values) else [str(n + 1) for n in range(len(values))]
    null = rb"\N" if form.copy else b"NULL"
    return {
        name: None if value == null else value.decode("utf-8", "backslashreplace")
        for name, value in zip(names, values, strict=True)
    }
