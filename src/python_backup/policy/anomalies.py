"""What a backup should hold, beside the last good one of the same database: how far it may have shrunk.

A dump of a database that somebody emptied ends as well as any other; only its rows tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from python_backup.model import Facts, TableFacts


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one database's backups should hold.

    ``max_shrink`` is the share of a table's rows, and of its bytes, that may be gone since the last good
    backup; None: any. ``min_rows`` has by a table's name, or pattern, the fewest rows. ``ignore`` are
    patterns of tables that may shrink. ``named``: the database was meant by its name, so that a table of
    ``min_rows`` that it does not have is missed even in its first backup. ``accepted``: what is there now is
    the new measure.
    """

    max_shrink: float | None = None
    min_rows: Mapping[str, int] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    named: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What the config says for some databases; ``instance`` and ``database`` (a pattern) None: for all.

    What is None leaves the matter to the rules before it.
    """

    instance: str | None = None
    database: str | None = None
    max_shrink: float | None = None
    min_rows: Mapping[str, int] | None = None
    ignore: Sequence[str] | None = None

    def holds(self, instance: str, database: str) -> bool:
        """Whether it is about this database."""
        return self.instance in {None, instance} and (
            self.database is None or fnmatchcase(database, self.database)
        )


def expectation(rules: Iterable[Rule], instance: str, database: str) -> Expectation:
    """What the rules say of one database, where a later one wins, key by key."""
    shrink: float | None = None
    rows: Mapping[str, int] = {}
    ignore: Sequence[str] = ()
    named = False
    for rule in rules:
        if not rule.holds(instance, database):
            continue
        shrink = shrink if rule.max_shrink is None else rule.max_shrink
        ignore = ignore if rule.ignore is None else rule.ignore
        if rule.min_rows is not None:
            rows, named = rule.min_rows, rule.database is not None
    return Expectation(shrink, rows, ignore, named)


def suspicions(facts: Facts, before: Facts | None, expected: Expectation) -> Mapping[str, str]:
    """By table what is not as expected, one sentence each; ``before`` are the last good backup's facts."""
    now = {table.name: table for table in facts.tables}
    old = {table.name: table for table in before.tables} if before is not None else {}
    return {**dict(_shrunk(now, old, expected)), **dict(_too_few(now, old, expected))}


def _shrunk(
    now: Mapping[str, TableFacts], old: Mapping[str, TableFacts], expected: Expectation
) -> Iterator[tuple[str, str]]:
    if expected.max_shrink is None:
        return
    for name, table in old.items():
        told = _less(now.get(name), table, expected.max_shrink)
        if told is not None and not any(is_named(name, pattern) for pattern in expected.ignore):
            yield name, f"{told}; max_shrink is {_percent(expected.max_shrink)}"


def _less(now: TableFacts | None, before: TableFacts, most: float) -> str | None:
    """How much less it is, where that is too much: a whole table, rows, or what stands in them."""
    if now is None:
        return f"it is gone, with {before.rows:,} rows" if before.rows else None
    for unit, had, has in (("rows", before.rows, now.rows), ("bytes of data", before.size, now.size)):
        if had and has is not None and (had - has) / had > most:
            return f"{has:,} {unit}, {had:,} in the last good backup: {_percent((had - has) / had)} less"
    return None


def _too_few(
    now: Mapping[str, TableFacts], old: Mapping[str, TableFacts], expected: Expectation
) -> Iterator[tuple[str, str]]:
    for pattern, least in expected.min_rows.items():
        names = {name for name in {**old, **now} if is_named(name, pattern)}
        if not names and expected.named and least:
            yield pattern, f"there is no such table; min_rows is {least:,}"
        for name in names:
            rows = now[name].rows if name in now else 0
            if rows is not None and rows < least:
                yield name, f"{rows:,} rows; min_rows is {least:,}"


def is_named(table: str, pattern: str) -> bool:
    """Whether a pattern is for a table, by its whole name (``public.users``) or what stands last in it."""
    return fnmatchcase(table, pattern) or fnmatchcase(table, f"*.{pattern}")


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
