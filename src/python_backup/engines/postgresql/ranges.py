"""Which tables are read by themselves, and in which ranges of their pages.

All others are left to pg_dump, with everything else of its data section: sequences, large objects, rows of
extensions' own tables. So are tables in whose dump pg_dump has a say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from python_backup.engines.parts import PartPlan
from python_backup.engines.postgresql.connection import query, text
from python_backup.model import PartKind, label

RANGE = 32 << 20
"""Bytes of a table, as they are stored, that one of its ranges has about."""

WHOLE = 512 << 20
"""Bytes of the largest table that is one part: what an interrupted restore has of it, it loads once more."""

LEAST = 64 << 10
"""Bytes of a table that is worth a part of its own."""

MOST = 1000
"""Tables that are read by themselves: each holds a lock, and is named in pg_dump's arguments."""

LEFT = 0.05
"""How much of all tables' bytes may be left to pg_dump, which reads them one by one."""

RANGES_SINCE = 14
"""The first version that goes straight to a range of pages (a TID range scan)."""

_TABLES = b"""
SELECT n.nspname, c.relname, c.oid::text, pg_catalog.pg_table_size(c.oid)::text,
       (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8)::text,
       a.amname,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
       (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum)
        FROM pg_catalog.pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am a ON a.oid = c.relam
WHERE c.relkind = 'r' AND NOT c.relrowsecurity
  AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_catalog.pg_is_in_recovery())
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e'
      AND (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
           OR e.classid = 'pg_catalog.pg_namespace'::regclass AND e.objid = n.oid))
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a
      JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = a.relid AND p.partstrat = 'h'
      JOIN pg_catalog.pg_opclass o ON o.oid = ANY (p.partclass)
      WHERE o.opcname = 'enum_ops' AND o.opcnamespace = 'pg_catalog'::regnamespace)
"""
"""Rows of a hash of enums belong to other partitions where the enum is made anew: pg_dump has their parent
sort them (forcePartitionRootLoad).
"""

_NAMES = b"""
SELECT c.oid::text, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e'
      AND (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
           OR e.classid = 'pg_catalog.pg_namespace'::regclass AND e.objid = n.oid))
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read by itself; ``name`` and ``columns`` are as SQL has them, in the server's encoding.

    ``pages`` are its own, ``size`` is all its bytes with those of its long values.
    """

    label: str
    oid: str
    size: int
    pages: int
    heap: bool
    name: bytes
    columns: bytes
    pattern: str


def own_tables(link: psycopg.Connection, *, utf8: bool) -> tuple[Table, ...]:
    """The tables that are read by themselves, sorted by label; the connection speaks the server's encoding.

    Without ``utf8``, tables whose names pg_dump may read otherwise than they are given are left to it.
    """
    found: list[Table] = []
    total = 0
    for schema, name, oid, size, pages, am, quoted, columns in query(link, _TABLES):
        total += int(size or 0)
        if columns is None or quoted is None or not (utf8 or (quoted.isascii() and columns.isascii())):
            continue
        parts = (text(schema), text(name))
        pattern = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
        found.append(
            Table(
                label(*parts),
                text(oid),
                int(size or 0),
                int(pages or 0),
                am == b"heap",
                quoted,
                columns,
                pattern,
            )
        )
    return tuple(sorted(_worth(found, total), key=lambda table: table.label))


def all_names(link: psycopg.Connection) -> Mapping[str, bytes]:
    """By oid the names, as SQL has them, of all tables that a dump locks: of all but extensions' own."""
    return {text(oid): name or b"" for oid, name in query(link, _NAMES)}


def _worth(tables: list[Table], total: int) -> Iterator[Table]:
    """The largest, until little is left."""
    left = total
    for table in sorted(tables, key=lambda table: -table.size)[:MOST]:
        if table.size < LEAST or left <= total * LEFT or not table.pages:
            return
        left -= table.size
        yield table


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a table, and the SQL that reads it."""

    plan: PartPlan
    table: Table
    sql: bytes


def whole_up_to(tables: Sequence[Table], jobs: int) -> int:
    """The size of a table up to which it is one part: others' rows keep all jobs busy beside it.

    One part is read and loaded faster than as many bytes in ranges: by a plain COPY, into a table that is new
    in its transaction, beside nobody who makes room in it.
    """
    return min(WHOLE, sum(table.size for table in tables) // (2 * jobs))


def slices(tables: Sequence[Table], *, ranges: bool, size: int, whole: int = 0) -> tuple[Slice, ...]:
    """The tables' parts in their order; those of one table follow each other, in the order of its pages.

    With ``ranges``, tables of more than ``whole`` bytes are read in ranges of about ``size``.
    """
    found: list[Slice] = []
    for table in tables:
        ranged = ranges and table.heap and table.size > whole
        count = min(table.pages, -(-table.size // size)) if ranged else 1
        edges = [table.pages * number // count for number in range(count)]
        for number, begin in enumerate(edges):
            end = edges[number + 1] if number + 1 < count else None
            found.append(_slice(table, begin if count > 1 else None, end, table.size // count))
    return tuple(found)


def _slice(table: Table, begin: int | None, end: int | None, weight: int) -> Slice:
    """The pages from ``begin`` to before ``end``; None: all, and to the last one that there is."""
    if begin is None:
        sql = b"COPY %s (%s) TO stdout" % (table.name, table.columns)
        return Slice(PartPlan(PartKind.DATA, table.label, "", weight), table, sql)
    where = b"ctid >= '(%d,0)'::tid" % begin
    if end is not None:
        where += b" AND ctid < '(%d,0)'::tid" % end
    sql = b"COPY (SELECT %s FROM ONLY %s WHERE %s) TO stdout" % (table.columns, table.name, where)
    return Slice(PartPlan(PartKind.DATA, table.label, where.decode(), weight), table, sql)
