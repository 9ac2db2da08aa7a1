"""Compares what a server has with what a dump holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from python_backup.dump.statements import OTHERS
from python_backup.engines.engine import Server
from python_backup.model import Facts

IMPLIED = frozenset({"constraints", "indexes", "sequences"})
"""Kinds that a table's definition makes without a name: ``id serial primary key``."""


@dataclass(frozen=True, slots=True)
class TableCompared:
    """One table's rows as the dump holds them and as the target has them.

    ``expected`` None: the dump does not let them be counted; ``found`` None: there is no such
    table in the target.
    """

    table: str
    expected: int | None
    found: int | None

    @property
    def equal(self) -> bool | None:
        """None where there is nothing to compare with."""
        if self.found is None:
            return False
        return None if self.expected is None else self.expected == self.found


@dataclass(frozen=True, slots=True)
class ObjectsCompared:
    """One kind of object: how many the dump makes, how many the target has, and which differ.

    ``changed`` are those of both that other statements make; only of two dumps can that be said.
    """

    kind: str
    expected: int
    found: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    changed: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the target has just those that the dump makes, made by the same statements."""
        return not self.missing and not self.unexpected and not self.changed

    @property
    def told(self) -> str:
        """What differs, by name: ``lacks a, b, has besides c``; nothing where nothing does."""
        lists = (
            ("lacks", self.missing),
            ("has besides", self.unexpected),
            ("has by other statements", self.changed),
        )
        return ", ".join(f"{word} {', '.join(names)}" for word, names in lists if names)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A database beside a dump's facts; ``differences`` holds what is no table and no object."""

    tables: tuple[TableCompared, ...] = ()
    objects: tuple[ObjectsCompared, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing that could be compared differs."""
        return (
            not self.differences
            and all(t.equal is not False for t in self.tables)
            and all(o.equal for o in self.objects)
        )


def compare(server: Server, database: str, facts: Facts, *, named: bool = True) -> Comparison:
    """Counts every table of the database and lists its objects, beside the facts.

    ``named``: a dump tool wrote the dump, and so gave every object its name, but for MariaDB's checks of
    columns, which another server names by itself.
    """
    objects = compare_objects(facts.objects, server.objects(database), named=named)
    if any(one.unexpected for one in objects):
        objects = without_implied(objects, server.implied(database))
    return Comparison(
        tables=compare_tables(facts, server.counts(database, {t.name for t in facts.tables if t.rows})),
        objects=objects,
        differences=compare_sequences(facts.sequences, server.sequences(database)),
    )


def compare_tables(facts: Facts, counts: Mapping[str, int]) -> tuple[TableCompared, ...]:
    """Every table of either side, sorted; one that the dump does not hold is expected to be empty."""
    expected = {table.name: table.rows for table in facts.tables}
    return tuple(
        TableCompared(name, expected.get(name, 0), counts.get(name)) for name in sorted({*expected, *counts})
    )


def compare_objects(
    expected: Mapping[str, tuple[str, ...]], found: Mapping[str, tuple[str, ...]], *, named: bool = True
) -> tuple[ObjectsCompared, ...]:
    """Every kind of either side, sorted; names may stand more than once (overloaded routines).

    What is there besides is no difference where tables written by hand may have made it.
    """
    kinds = (
        _one_kind(kind, expected.get(kind, ()), found.get(kind, ())) for kind in sorted({*expected, *found})
    )
    return tuple(
        kind if named or kind.kind not in IMPLIED else replace(kind, unexpected=()) for kind in kinds
    )


def compare_made(
    expected: Facts, found: Facts, *, named: bool = True, alike: bool = True
) -> tuple[ObjectsCompared, ...]:
    """Every kind of object of two dumps, sorted, what no kind lists (``others``) too.

    ``alike``: the same tool and version wrote both, so that statements can be compared; of dumps of
    programs before there were digests of them, there are none.
    """
    listed, there = dict(expected.objects), dict(found.objects)
    if alike and expected.statements and found.statements:
        listed[OTHERS], there[OTHERS] = (tuple(f.statements.get(OTHERS, ())) for f in (expected, found))
    changed = changed_statements(expected, found) if alike else {}
    kinds = compare_objects(listed, there, named=named)
    return tuple(
        replace(kind, changed=changed.get(kind.kind, ())) for kind in kinds if kind.expected or kind.found
    )


def changed_statements(expected: Facts, found: Facts) -> Mapping[str, tuple[str, ...]]:
    """By kind the objects of both dumps whose statements differ.

    Digests of one form alone are compared: the word before a digest's colon names it.
    """
    changed: dict[str, list[str]] = {}
    for kind, made in expected.statements.items():
        others = found.statements.get(kind, {})
        for name, digest in made.items():
            other = others.get(name, digest)
            if other != digest and other.partition(":")[0] == digest.partition(":")[0]:
                changed.setdefault(kind, []).append(name)
    return {kind: tuple(names) for kind, names in changed.items()}


def without_implied(
    compared: tuple[ObjectsCompared, ...], implied: Mapping[str, AbstractSet[str]]
) -> tuple[ObjectsCompared, ...]:
    """What a statement makes without naming it, the dump's facts cannot name, and the server may have."""
    return tuple(
        replace(one, unexpected=tuple(n for n in one.unexpected if n not in implied.get(one.kind, ())))
        for one in compared
    )


def compare_sequences(expected: Mapping[str, int], found: Mapping[str, int]) -> tuple[str, ...]:
    """One sentence for each sequence whose value is not the dump's."""
    return tuple(
        f"sequence {name} is at {found.get(name, 'nothing')}, the dump says {value}"
        for name, value in sorted(expected.items())
        if found.get(name) != value
    )


def compare_numbers(expected: Mapping[str, int], found: Mapping[str, int], *, least: bool) -> tuple[str, ...]:
    """One sentence for each table that goes on numbering its rows with another number than the dump's.

    ``least``: a higher one will do, as a server has where rows came while their table was dumped. Manifests
    of programs before this fact have none.
    """
    return tuple(
        f"table {name} goes on with the number {found.get(name, 'of no column')}, the dump says {value}"
        for name, value in sorted(expected.items())
        if found.get(name, 0) < value or (not least and found.get(name) != value)
    )


def _one_kind(kind: str, expected: tuple[str, ...], found: tuple[str, ...]) -> ObjectsCompared:
    dump, server = Counter(expected), Counter(found)
    return ObjectsCompared(
        kind,
        len(expected),
        len(found),
        missing=tuple(sorted((dump - server).elements())),
        unexpected=tuple(sorted((server - dump).elements())),
    )
