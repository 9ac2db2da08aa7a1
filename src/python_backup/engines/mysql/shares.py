"""The shares in which rows are read: ranges of large tables, whole tables, all small ones together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from python_backup.dump.mysql.dialect import DIALECT
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows
from python_backup.engines.mysql import wire
from python_backup.engines.mysql.connection import MOST_ROWS, Session, quoted
from python_backup.engines.mysql.ranges import Keyed, Range, ranges
from python_backup.engines.mysql.rowtext import Column, Manner, RowText, columns, row_text
from python_backup.engines.parts import PartPlan
from python_backup.model import PartKind, label

_SHARE = 32 << 20
"""Bytes of a table that make one share."""
_SMALL = 1 << 20
_SMALL_TOGETHER = 64 << 20
_STATEMENT = 1 << 20
"""Bytes after which an INSERT ends, as the dump tools do."""

_STRETCH = 256 << 10
"""Bytes of a long row that are given at once."""

_WITHOUT_ROWS = frozenset({"MRG_MYISAM", "MRG_ISAM", "FEDERATED", "CONNECT", "OQGRAPH", "SPIDER", "VP"})
"""Engines whose rows are elsewhere: the dump tools leave them there."""

_HEAD = """-- {dump}: rows of a part of it, as vya-backupdb wrote them
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET UNIQUE_CHECKS=0 */;
{ranged}/*!40014 SET FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;
/*!40111 SET SQL_NOTES=0 */;

"""

_RANGED = "/*M!100600 SET UNIQUE_CHECKS=1 */;\n"
"""In the head of a part of a table that others have rows of, too.

Without it MariaDB from 10.6 on locks a whole table for its first rows,
and undoes one of two parts that begin it.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows to be read: their text, and the queries' ends (from FROM on) that give them in order."""

    table: str
    text: RowText
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """One part's rows."""

    plan: PartPlan
    readings: tuple[Reading, ...]

    @property
    def tables(self) -> frozenset[str]:
        """The tables that it reads."""
        return frozenset(reading.table for reading in self.readings)


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    rows: int
    size: int
    text: RowText
    key: tuple[Column, ...]
    partitions: tuple[str, ...]

    def source(self, partition: str) -> str:
        """What stands behind FROM."""
        return quoted(self.name) + (f" PARTITION ({quoted(partition)})" if partition else "")


def of_database(session: Session, database: str, manner: Manner) -> tuple[Share, ...]:
    """All rows of a database, in the order of its tables' names."""
    tables = _tables(session, database, manner)
    small = sum(table.size for table in tables if table.size < _SMALL) <= _SMALL_TOGETHER
    together = [table for table in tables if small and table.size < _SMALL]
    shares: list[Share] = []
    if together:
        plan = PartPlan(PartKind.DATA, weight=sum(table.size for table in together))
        readings = tuple(
            Reading(t.name, t.text, tuple(map(_from, map(t.source, t.partitions)))) for t in together
        )
        shares.append(Share(plan, readings))
    for table in tables:
        if table not in together:
            shares += _of_table(session, table)
    return tuple(shares)


def _from(source: str) -> str:
    return f"FROM {source}"


def _of_table(session: Session, table: _Table) -> Iterator[Share]:
    """Ranges, or the partitions' one after the other: in the order in which the dump tools read."""
    weight = table.size // max(1, table.rows)
    share = max(1, -(-table.size // _SHARE) // len(table.partitions))
    for partition in table.partitions:
        source = table.source(partition)
        rows = table.rows // len(table.partitions)
        found: tuple[Range, ...] = (Range((), rows),)
        if table.key and share > 1:
            found = ranges(session, Keyed(source, table.key, rows), share)
        order = ", ".join(quoted(column.name) for column in table.key)
        for one in found:
            sources = tuple(
                f"{_from(source)} FORCE INDEX (PRIMARY) WHERE {condition} ORDER BY {order}"
                for condition in one.conditions
            )
            words = " OR ".join(f"({c})" if len(one.conditions) > 1 else c for c in one.conditions)
            told = " ".join(
                word for word in (f"PARTITION ({quoted(partition)})" if partition else "", words) if word
            )
            plan = PartPlan(PartKind.DATA, label(table.name), told, one.rows * weight)
            yield Share(plan, (Reading(table.name, table.text, sources or (_from(source),)),))


def _tables(session: Session, database: str, manner: Manner) -> tuple[_Table, ...]:
    if not manner.mariadb:
        session.rows("SET SESSION information_schema_stats_expiry = 0")
    all_columns = columns(session, database)
    keys = _keys(session, database, all_columns)
    partitions: dict[str, list[str]] = {}
    for name, partition in session.rows(
        "SELECT table_name, COALESCE(subpartition_name, partition_name) FROM information_schema.partitions"
        " WHERE table_schema = %s AND partition_name IS NOT NULL"
        " ORDER BY table_name, partition_ordinal_position, subpartition_ordinal_position",
        database,
    ):
        partitions.setdefault(name, []).append(partition)
    found = session.rows(
        "SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length, 0), engine"
        " FROM information_schema.tables WHERE table_schema = %s"
        " AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        database,
    )
    return tuple(
        _Table(
            name=name,
            rows=int(rows),
            size=int(size),
            text=row_text(name, all_columns[name], manner),
            key=keys.get(name, ()),
            partitions=tuple(partitions.get(name, [""])),
        )
        for name, rows, size, engine in sorted(found)
        if (engine or "").upper() not in _WITHOUT_ROWS
    )


def _keys(
    session: Session, database: str, all_columns: Mapping[str, Sequence[Column]]
) -> Mapping[str, tuple[Column, ...]]:
    """The primary keys by which rows lie in order: InnoDB's, without descending or cut columns."""
    found: dict[str, list[Column]] = {}
    odd: set[str] = set()
    for table, name, cut, order in session.rows(
        "SELECT s.table_name, s.column_name, s.sub_part, s.collation FROM information_schema.statistics s"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE s.table_schema = %s AND s.index_name = 'PRIMARY' AND t.engine = 'InnoDB'"
        " ORDER BY s.table_name, s.seq_in_index",
        database,
    ):
        found.setdefault(table, []).append(next(c for c in all_columns[table] if c.name == name))
        if cut is not None or order != "A":
            odd.add(table)
    return {table: tuple(key) for table, key in found.items() if table not in odd}


def pieces(share: Share, session: Session, dump: str) -> Iterator[Piece]:
    """The share's SQL: settings, then INSERTs of about a megabyte.

    ``dump`` is what the tool's dumps begin with: ``MySQL dump 9.7.4``.
    """
    lexer = DIALECT.lexer()
    yield from lexer.feed(_HEAD.format(dump=dump, ranged=_RANGED if share.plan.range else "").encode())
    yield from lexer.finish()
    for reading in share.readings:
        for source in reading.sources:
            yield from _inserts(reading, session, source)


Stretch = tuple[int, bytes]
"""So many rows end in this text."""


def _inserts(reading: Reading, session: Session, source: str) -> Iterator[Piece]:
    head, table = reading.text.head, label(reading.table)
    for stretches in _batches(reading.text, session, source):
        yield DataBegin(head, 0, head.rstrip(), table, copy=False)
        rows = 0
        for ended, text in stretches:
            yield Rows(text, 0, ended, text)
            rows += ended
        yield DataEnd(b";\n", 0, rows)


def _batches(text: RowText, session: Session, source: str) -> Iterator[Iterable[Stretch]]:
    """Rows as they stand in an INSERT; each batch is taken whole before the next."""
    batch: list[bytes] = []
    size = 0
    try:
        # who waits to write to a table without transactions, which is locked, goes before other readers
        for values in wire.values(session, f"SELECT HIGH_PRIORITY {text.expression} {source}"):
            if isinstance(values, wire.Long):
                if batch:
                    yield _together(batch, text)
                    batch, size = [], 0
                yield _one(text.finished(values.pieces))
                continue
            batch += values
            size += len(values) * max(len(values[0]), len(values[-1]))  # about
            if size >= _STATEMENT:
                yield _together(batch, text)
                batch, size = [], 0
        done = -1
    except wire.NoValue as exc:
        done = exc.rows
    if batch:
        yield _together(batch, text)
    if done >= 0:
        rest = f"{source} LIMIT {done}, {MOST_ROWS}"  # from the row on that is longer than values may be
        for row in wire.rows(session, f"SELECT HIGH_PRIORITY {text.values} {rest}"):
            yield _one(text.joined(row))


def _together(batch: list[bytes], text: RowText) -> tuple[Stretch]:
    return ((len(batch), text.finish(b",".join(batch))),)


def _one(pieces: Iterator[bytes]) -> Iterator[Stretch]:
    """One row in stretches of some size."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= _STRETCH:
            yield 0, bytes(held)
            held.clear()
    yield 1, bytes(held)
