"""Cuts a table into ranges of its primary key that are about alike.

Nothing is read for it but single keys: the server estimates how many rows a range has (it looks at the
pages at both ends), a range that is too large is parted at a key near its middle, and so on. So gaps cost
nothing, and where a first column has few values, the next one parts them. Whatever the estimates say, the
ranges are whole and disjoint: each begins where the one before ends, by the server's own comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.middles import CODECS, INTEGERS, TIMES, middles
from python_backup.engines.mysql.rowtext import Column

_DEPTH = 100

Key = tuple[Any, ...]
"""Values of the key's first columns: integers, times as text, strings as the bytes that are stored."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A table with its primary key, and about how many rows it has.

    ``source`` is what stands behind FROM: the table, or one of its partitions.
    """

    source: str
    key: tuple[Column, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Range:
    """Conditions that one after the other take a range's rows, in order; none: all rows.

    Each is an equality of the key's first columns and a range of the next one: any server reads that by the
    index alone, unlike one condition with ORs, or rows in brackets.
    """

    conditions: tuple[str, ...]
    rows: int


def ranges(session: Session, table: Keyed, parts: int) -> tuple[Range, ...]:
    """Ranges that together have each row once, in the key's order; one where it cannot be parted."""
    cutter = _Cutter(session, table, max(1, table.rows // max(1, parts)))
    starts = cutter.starts()
    names = [quoted(column.name) for column in table.key]
    bounds = [tuple(map(_literal, table.key, start)) for start, _ in starts[1:]]
    edges = [(), *bounds, ()]
    return tuple(
        Range(tuple(_between(names, edges[at], edges[at + 1])), rows) for at, (_, rows) in enumerate(starts)
    )


def _between(names: Sequence[str], low: Sequence[str], high: Sequence[str]) -> Iterator[str]:
    """The conditions for the keys from ``low`` on and before ``high``; an empty one bounds nothing."""
    if not low and not high:
        return
    same = next(
        (at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high))
    )
    for at in range(len(low) - 1, same, -1):
        yield _condition(names, low[:at], f"{names[at]} {'>=' if at + 1 == len(low) else '>'} {low[at]}")
    sides = []
    if len(low) > same:
        sides.append(f"{names[same]} {'>=' if same + 1 == len(low) else '>'} {low[same]}")
    if len(high) > same:
        sides.append(f"{names[same]} < {high[same]}")
    yield _condition(names, low[:same], *sides)
    for at in range(same + 1, len(high)):
        yield _condition(names, high[:at], f"{names[at]} < {high[at]}")


def _condition(names: Sequence[str], prefix: Sequence[str], *sides: str) -> str:
    equal = [f"{name} = {value}" for name, value in zip(names, prefix, strict=False)]
    return " AND ".join((*equal, *sides))


def _literal(column: Column, value: Any) -> str:
    if column.type in INTEGERS:
        return str(int(value))
    if column.type in TIMES:
        return f"'{value}'"
    text = f"X'{bytes(value).hex()}'"
    return f"_binary {text}" if column.binary else f"_{column.charset} {text} COLLATE {column.collation}"


@dataclass(slots=True)
class _Cutter:
    """Looks for the beginnings of one table's ranges, each of about ``target`` rows."""

    session: Session
    table: Keyed
    target: int

    def starts(self) -> list[tuple[Key, int]]:
        """Each range's first key and rows; neighbours that are small together are one."""
        found = self._of((), self.table.rows, 0)
        kept = found[:1]
        for key, rows in found[1:]:
            before, size = kept[-1]
            if size + rows <= self.target:
                kept[-1] = (before, size + rows)
            else:
                kept.append((key, rows))
        return kept

    def _of(self, prefix: Key, rows: int, depth: int) -> list[tuple[Key, int]]:
        """Cuts the rows whose key begins so."""
        whole = [(prefix, rows)]
        if len(prefix) == len(self.table.key) or not countable(self.table.key[len(prefix)]):
            return whole
        low, high = self._edge(prefix, "", "ASC"), self._edge(prefix, "", "DESC")
        if low is None or high is None:
            return whole
        return self._cut((*prefix, low), high, rows, depth)

    def _cut(self, low: Key, high: Any, rows: int, depth: int) -> list[tuple[Key, int]]:
        """Cuts the rows from a key up to that with another last value."""
        prefix, first = low[:-1], low[-1]
        if rows <= self.target // 2 or depth == _DEPTH:
            return [(low, rows)]
        if first == high:
            return self._of(low, rows, depth + 1)
        left, right = self._parted(prefix, first, high)
        if left is None or right is None:
            return [(low, rows)]
        below, above = _shares(rows, self._estimate(prefix, first, left), self._estimate(prefix, right, high))
        return [
            *self._cut(low, left, below, depth + 1),
            *self._cut((*prefix, right), high, above, depth + 1),
        ]

    def _parted(self, prefix: Key, low: Any, high: Any) -> tuple[Any, Any]:
        """The last value before a middle and the first one from there on; None where none was found."""
        column = self.table.key[len(prefix)]
        name = quoted(column.name)
        for middle in middles(column.type, column.charset, low, high):
            at = _literal(column, middle)
            left = self._edge(prefix, f"{name} < {at} AND {name} >= {_literal(column, low)}", "DESC")
            right = self._edge(prefix, f"{name} >= {at} AND {name} <= {_literal(column, high)}", "ASC")
            if left is not None and right is not None:
                return left, right
        return None, None

    def _edge(self, prefix: Key, condition: str, order: str) -> Any:
        """The first or last value behind a prefix, under a condition; None where there is none."""
        column = self.table.key[len(prefix)]
        conditions = [*self._equal(prefix), *([condition] if condition else [])]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        name = quoted(column.name)
        found = self.session.value(
            f"SELECT {_fetching(column)} FROM {self.table.source} FORCE INDEX (PRIMARY){where}"
            f" ORDER BY {name} {order} LIMIT 1"
        )
        return found.decode() if found is not None and column.type in TIMES else found

    def _estimate(self, prefix: Key, low: Any, high: Any) -> int:
        column = self.table.key[len(prefix)]
        name, ends = quoted(column.name), [_literal(column, value) for value in (low, high)]
        conditions = [*self._equal(prefix), f"{name} >= {ends[0]}", f"{name} <= {ends[1]}"]
        # of a forced index MySQL estimates nothing
        plan = self.session.mappings(
            f"EXPLAIN FORMAT=TRADITIONAL SELECT * FROM {self.table.source} USE INDEX (PRIMARY)"
            f" WHERE {' AND '.join(conditions)}"
        )
        return max(1, int(plan[0].get("rows") or 1))

    def _equal(self, prefix: Key) -> list[str]:
        pairs = zip(self.table.key, prefix, strict=False)
        return [f"{quoted(column.name)} = {_literal(column, value)}" for column, value in pairs]


def _shares(rows: int, below: int, above: int) -> tuple[int, int]:
    """The rows of two sides of a middle; estimates of less than half of all are taken for proportions.

    While InnoDB makes a table's statistics, its estimates may be next to nothing.
    """
    known = below + above
    if 2 * known >= rows:
        return below, above
    return max(1, rows * below // known), max(1, rows * above // known)


def countable(column: Column) -> bool:
    """Whether there are middles of its values, and literals that compare by its own rule."""
    if column.type in INTEGERS | TIMES or column.type in ("binary", "varbinary"):
        return True
    return column.type in ("char", "varchar") and (column.binary or column.charset in CODECS)


def _fetching(column: Column) -> str:
    name = quoted(column.name)
    return name if column.type in INTEGERS else f"CAST({name} AS BINARY)"
