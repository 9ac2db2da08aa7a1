"""What a drill shows of each table: the facts of two dumps beside each other, and what must be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from python_backup.dump.dialect import Dialect
from python_backup.dump.piece import Piece
from python_backup.dump.statements import OTHERS
from python_backup.dump.unordered import UnorderedDigests
from python_backup.model import Facts, Manifest, TableFacts
from python_backup.storage.proofs import Equality


@dataclass(frozen=True, slots=True)
class TableProof:
    """One table: its rows in the backup and as restored; ``size`` is its data's bytes in the dump.

    ``seconds`` is how long the restore of its rows took.
    """

    table: str
    expected: int | None
    found: int | None
    size: int
    equality: Equality
    seconds: float = 0.0


class Unordered:
    """A stage that digests some tables' rows in any order; ``source`` is the database, as in `Selector`."""

    def __init__(
        self, dialect: Dialect, source: str | None, tables: frozenset[str], *, by_value: bool
    ) -> None:
        self.digests = UnorderedDigests(dialect.shapes(), tables, by_value)
        self._lexer, self._selector = dialect.lexer(), dialect.selector(source)

    def feed(self, block: bytes) -> tuple[bytes]:
        """Digests the block's rows."""
        self._take(self._lexer.feed(block))
        return (block,)

    def finish(self) -> tuple[()]:
        """Digests what is left."""
        self._take(self._lexer.finish())
        return ()

    def _take(self, pieces: Iterator[Piece]) -> None:
        for piece in self._selector.select(pieces):
            self.digests.take(piece)


def table_proofs(expected: Facts, found: Facts, seconds: Mapping[str, float]) -> Iterator[TableProof]:
    """Every table of either side, sorted."""
    before = {table.name: table for table in expected.tables}
    after = {table.name: table for table in found.tables}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        yield TableProof(
            name,
            old.rows if old else None,
            new.rows if new else None,
            old.size if old else 0,
            _equality(old, new),
            round(seconds.get(name, 0.0), 3),
        )


def here(facts: Facts, elsewhere: Mapping[str, AbstractSet[str]]) -> Facts:
    """The facts without what was made without what it has on another server.

    The rows that a dump has of such a table are there to be compared; a foreign table has none.
    """
    if not elsewhere:
        return facts
    named = {*elsewhere.get("tables", ()), *(foreign := elsewhere.get("foreign_tables", set()))}
    aside = {"tables": named, "foreign_tables": named, OTHERS: elsewhere.get(OTHERS, set())}
    return replace(
        facts,
        tables=tuple(table for table in facts.tables if table.rows or table.name not in foreign),
        objects={
            kind: tuple(name for name in names if name not in aside.get(kind, ()))
            for kind, names in facts.objects.items()
        },
        statements={
            kind: {name: digest for name, digest in made.items() if name not in aside.get(kind, ())}
            for kind, made in facts.statements.items()
        },
        next_numbers={name: n for name, n in facts.next_numbers.items() if name not in named},
    )


def settled(
    tables: tuple[TableProof, ...], before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[TableProof]:
    """The tables, those of as many rows told apart by digests in any order."""
    for table in tables:
        same = table.equality is Equality.SAME_COUNT and before.get(table.table) == after.get(table.table)
        yield replace(table, equality=Equality.SAME_ROWS) if same else table


def enough(manifest: Manifest | None, number: tuple[int, ...]) -> frozenset[Equality]:
    """What must be shown of every table, on a server whose version is ``number``.

    A dump that another program wrote, or that a server of another version is to write again, may
    write the same rows otherwise: then they are counted.
    """
    if manifest is not None and version_number(manifest.server_version)[: len(number)] == number:
        return frozenset({Equality.IDENTICAL, Equality.SAME_ROWS})
    return frozenset(Equality) - {Equality.DIFFERS}


def version_number(version: str | None) -> tuple[int, ...]:
    """What matters of a server's version: ``10.11.19-MariaDB`` is (10, 11)."""
    return tuple(int(part) for part in re.findall(r"\d+", version or "")[:2])


def least(tables: tuple[TableProof, ...]) -> Equality | None:
    """The least that was shown of any table."""
    ranks = list(Equality)
    return max((table.equality for table in tables), key=ranks.index, default=None)


def said(table: TableProof) -> str:
    """What is wrong with a table's rows."""
    if table.equality is Equality.SAME_COUNT:
        return f"the rows are as many ({table.expected}), but not the same"
    return f"{table.expected} rows in the backup, {table.found} restored"


def _equality(old: TableFacts | None, new: TableFacts | None) -> Equality:
    if old is None or new is None or old.rows != new.rows:
        return Equality.DIFFERS
    return Equality.IDENTICAL if old.digest == new.digest else Equality.SAME_COUNT
