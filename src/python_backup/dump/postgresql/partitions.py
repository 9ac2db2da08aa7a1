"""Partitions whose rows a dump gives to their root, so that they have none by themselves.

pg_dump does so where a row may belong to another partition on another server, which is below a hash of
enums, and everywhere with ``--load-via-partition-root``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.postgresql.belonging import About
from python_backup.dump.postgresql.clauses import attached, partition_of
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.mentions import Name, Named
from python_backup.errors import UsageError
from python_backup.model import label


@dataclass(slots=True)
class Partitions:
    """What a dump was seen to say of its partitions, and of which tables it has rows."""

    _parents: dict[Name, Name] = field(default_factory=dict)
    _with_rows: set[str] = field(default_factory=set)

    def take(self, what: About, table: Name, at: Cursor, named: Named) -> None:
        """A statement about a table, which may make this a partition, or another one this one's."""
        if what.what == "ALTER TABLE" and (partition := attached(at)):
            self._parents[named(partition)] = table
        elif what.creates == "table" and (parent := partition_of(at)):
            self._parents[table] = named(parent)

    def parent(self, partition: Name) -> Name | None:
        """The table that one is a partition of, as far as the dump was seen."""
        return self._parents.get(partition)

    def has_rows(self, table: str) -> None:
        """The dump writes rows, or none, under this table's label."""
        self._with_rows.add(table)

    def check(self, picked: Callable[[Name], bool]) -> None:
        """Call it when the whole dump was seen.

        Raises:
            UsageError: a partition is picked without the table that the dump gives its rows to.
        """
        for partition in sorted(self._parents):
            if not picked(partition) or label(*partition) in self._with_rows:
                continue
            for parent in self._above(partition):
                if label(*parent) in self._with_rows and not picked(parent):
                    raise UsageError(
                        f"the rows of {label(*partition)} stand with {label(*parent)}, which is not picked",
                        hint=f"Pick it: --table {label(*parent)}.",
                    )

    def _above(self, partition: Name) -> Iterator[Name]:
        while partition in self._parents:
            partition = self._parents[partition]
            yield partition
