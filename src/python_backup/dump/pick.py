"""What a selective restore is asked for, and which names its patterns take.

A pattern is a shell's (``*``, ``?``, ``[…]``), matched with case. One without a dot is matched with a
table's own name, in any schema; one with a dot with ``schema.table`` as well. A name that holds a dot or
a space may be written as it is, or as its `python_backup.model.label`. What a pattern says literally
it takes, also where it looks like a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from python_backup.dump.changes import Changes
from python_backup.dump.piece import DataBegin
from python_backup.errors import UsageError
from python_backup.model import label

SHOWN = 20
"""How many of the dump's names an error lists."""

_ROWS_LEFT = "data of a table not picked"


@dataclass(frozen=True, slots=True)
class Pick:
    """Which tables, and whether their definitions or rows only. No ``tables``: all that are not excluded.

    With ``schemas`` (PostgreSQL) only what is in them; with ``tables`` too, a table must fit both.
    """

    tables: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    schema_only: bool = False
    data_only: bool = False

    def __post_init__(self) -> None:
        if self.schema_only and self.data_only:
            raise UsageError("schema only and data only leave nothing to restore")

    @property
    def everything(self) -> bool:
        """Whether what is no table, and in no schema, is taken too: functions, casts, events."""
        return not self.tables and not self.schemas


@dataclass(frozen=True, slots=True)
class Held:
    """What a stretch of a dump holds: rows of these tables, values of these sequences, by their labels.

    ``others``: large objects as well, which have no name.
    """

    tables: tuple[str, ...]
    sequences: tuple[str, ...] = ()
    others: bool = False


@dataclass(slots=True)
class RowsLeft:
    """Counts the tables whose rows are not picked, each once."""

    changes: Changes
    _tables: set[str] = field(default_factory=set)

    def add(self, table: str, begin: DataBegin | None = None) -> None:
        """Counts one, at the place where its rows begin; None: they are passed over unread."""
        if table in self._tables:
            return
        self._tables.add(table)
        if begin is None:
            self.changes.unseen(_ROWS_LEFT)
        else:
            self.changes.add(_ROWS_LEFT, begin.line, begin.sql)


@dataclass(slots=True)
class Choice:
    """Answers for one dump which names a `Pick` takes, and remembers which patterns took any."""

    pick: Pick
    _seen: dict[str, None] = field(default_factory=dict)
    _schemas: dict[str, None] = field(default_factory=dict)
    _used: set[tuple[str, str]] = field(default_factory=set)

    def takes(self, name: str, schema: str | None = None, *, listed: bool = True) -> bool:
        """Whether this table, view or sequence is picked; errors list only what is ``listed``."""
        if listed:
            self._seen.setdefault(label(name) if schema is None else label(schema, name))
        chosen = self._any("table", self.pick.tables, *_names(name, schema)) if self.pick.tables else True
        excluded = self.excludes(name, schema)
        return self.takes_schema(schema) and chosen and not excluded

    def excludes(self, name: str, schema: str | None = None) -> bool:
        """Whether it is left out by name, even where it belongs to a picked table."""
        return self._any("exclude-table", self.pick.excluded, *_names(name, schema))

    def takes_schema(self, schema: str | None) -> bool:
        """Whether what is in this schema is picked, as far as the schema goes."""
        if schema is not None:
            self._schemas.setdefault(schema)
        if not self.pick.schemas:
            return True
        return schema is not None and self._any(
            "schema", self.pick.schemas, {schema, label(schema)}, {schema, label(schema)}
        )

    def check(self) -> None:
        """Call it when the whole dump was seen.

        Raises:
            UsageError: a pattern took nothing; the hint names what the dump holds.
        """
        asked = (
            ("table", self.pick.tables, self._seen, "tables"),
            ("exclude-table", self.pick.excluded, self._seen, "tables"),
            ("schema", self.pick.schemas, self._schemas, "schemas"),
        )
        for option, patterns, held, what in asked:
            for pattern in patterns:
                if (option, pattern) not in self._used:
                    names = sorted(held)
                    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                    raise UsageError(
                        f"--{option} {pattern!r} matches nothing in the dump",
                        hint=f"It holds {what}: {', '.join(names[:SHOWN]) or 'none'}{more}.",
                    )

    def _any(self, option: str, patterns: Iterable[str], names: set[str], full: set[str]) -> bool:
        found = False
        for pattern in patterns:
            against = full if "." in pattern else names
            if any(name == pattern or fnmatchcase(name, pattern) for name in against):
                self._used.add((option, pattern))
                found = True
        return found


def _names(name: str, schema: str | None) -> tuple[set[str], set[str]]:
    """What patterns without a dot are matched with, and what those with one are."""
    names = {name, label(name)}
    return names, names if schema is None else names | {f"{schema}.{name}", label(schema, name)}
