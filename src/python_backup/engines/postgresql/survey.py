"""What a database holds: rows, objects and sequences, named as the dump's reader names them.

Members of extensions are left out, as in a dump: CREATE EXTENSION makes them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from typing import TypeVar

import psycopg

from python_backup.engines.postgresql.connection import Row, query, text, together
from python_backup.model import label

Opened = Callable[[], AbstractContextManager[psycopg.Connection]]

CONNECTIONS = 4
"""The most connections for counting."""

TOGETHER = 400
"""Questions put in one statement: each table in it holds a lock until it ends."""

SMALL = 1 << 20
"""Bytes of a table that is counted together with others; larger ones each on their own."""

Item = TypeVar("Item")

KEEPING = "__vya_backupdb"
"""In a database that is being filled: the schema of the program's own table, which belongs to no contents."""

_OF_USERS = f"n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '{KEEPING}')"


def _no_member(catalog: str, oid: str) -> str:
    return (
        "NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e'"
        f" AND e.classid = '{catalog}'::regclass AND e.objid = {oid})"
    )


def _relations(kinds: str) -> str:
    return (
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.relkind IN ({kinds}) AND c.relpersistence <> 't' AND {_OF_USERS}"
        f" AND {_no_member('pg_class', 'c.oid')}"
    )


OBJECTS = {
    "tables": _relations("'r', 'p'"),
    "foreign_tables": _relations("'f'"),
    "views": _relations("'v'"),
    "materialized_views": _relations("'m'"),
    "sequences": _relations("'S'"),
    "routines": f"""
        SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {_OF_USERS} AND {_no_member("pg_proc", "p.oid")}
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'i'
                          AND d.classid = 'pg_proc'::regclass AND d.objid = p.oid)""",
    "triggers": f"""
        SELECT n.nspname, c.relname, t.tgname FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgparentid = 0
          AND {_OF_USERS} AND {_no_member("pg_class", "c.oid")}""",
    "policies": f"""
        SELECT n.nspname, c.relname, p.polname FROM pg_policy p
        JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OF_USERS} AND {_no_member("pg_class", "c.oid")}""",
    "rules": f"""
        SELECT n.nspname, c.relname, r.rulename FROM pg_rewrite r
        JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE r.rulename <> '_RETURN' AND {_OF_USERS} AND {_no_member("pg_class", "c.oid")}""",
    "event_triggers": f"""
        SELECT evtname FROM pg_event_trigger t WHERE {_no_member("pg_event_trigger", "t.oid")}""",
    "indexes": f"""
        SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = i.indrelid
        WHERE {_OF_USERS} AND t.relkind IN ('r', 'p', 'm') AND t.relpersistence <> 't'
          AND (i.indisvalid OR c.relkind = 'I')
          AND {_no_member("pg_class", "t.oid")}
          AND NOT EXISTS (SELECT FROM pg_constraint k
                          WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))""",
    "constraints": f"""
        SELECT n.nspname, c.relname, k.conname FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype IN ('p', 'u', 'x', 'f') AND (k.contype <> 'f' OR k.conparentid = 0)
          AND {_OF_USERS} AND c.relpersistence <> 't' AND {_no_member("pg_class", "c.oid")}""",
    "extensions": "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'",
    "types": f"""
        SELECT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE {_OF_USERS} AND {_no_member("pg_type", "t.oid")}
          AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c'
               OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type a WHERE a.typarray = t.oid))""",
    "schemas": f"""
        SELECT n.nspname FROM pg_namespace n
        WHERE {_OF_USERS} AND n.nspname <> 'public' AND {_no_member("pg_namespace", "n.oid")}""",
    "large_objects": "SELECT oid FROM pg_largeobject_metadata",
}
"""For each kind the question whose columns are the parts of its objects' labels."""

_TABLES_WITH_DATA = f"""
    SELECT n.nspname, c.relname, format('ONLY %I.%I ', n.nspname, c.relname) || coalesce(x.condition, ''),
           c.relkind, pg_relation_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (SELECT unnest(extconfig) AS oid, unnest(extcondition) AS condition FROM pg_extension) x
      ON x.oid = c.oid
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND ({_OF_USERS} AND {_no_member("pg_class", "c.oid")} OR x.oid IS NOT NULL)
    ORDER BY 5 DESC"""
"""An extension's configuration tables are in a dump with the rows their condition names."""

_SEQUENCES = f"""
    SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (SELECT unnest(extconfig) AS oid FROM pg_extension) x ON x.oid = c.oid
    WHERE c.relkind = 'S' AND c.relpersistence <> 't'
      AND ({_OF_USERS} AND {_no_member("pg_class", "c.oid")} OR x.oid IS NOT NULL)"""


PATH = b"SET search_path TO pg_catalog"


def objects(connection: psycopg.Connection) -> Mapping[str, tuple[str, ...]]:
    """The labels of all objects by kind, sorted; kinds without objects are left out."""
    _, *answers = together(connection, (PATH, *(sql.encode() for sql in OBJECTS.values())))
    found = {kind: sorted(_labels(rows)) for kind, rows in zip(OBJECTS, answers, strict=True)}
    return {kind: tuple(names) for kind, names in sorted(found.items()) if names}


def sequences(connection: psycopg.Connection) -> Mapping[str, int]:
    """Each sequence's value, as ``setval`` in a dump has it."""
    values: dict[str, int] = {}
    for rows in _groups(_catalog(connection, _SEQUENCES), TOGETHER):
        asked = (b"SELECT %d, last_value FROM %s" % (i, row[2]) for i, row in enumerate(rows))
        for index, value in query(connection, b" UNION ALL ".join(asked)):
            row = rows[int(index or 0)]
            values[label(text(row[0]), text(row[1]))] = int(value or 0)
    return values


_ROOTS = f"""
    SELECT n.nspname, c.relname, m.nspname, r.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class r ON r.oid = pg_partition_root(c.oid) JOIN pg_namespace m ON m.oid = r.relnamespace
    WHERE c.relkind = 'r' AND c.relispartition AND {_OF_USERS}"""
"""Each partition that has rows, and the table that it is a partition of, whatever is between."""


def counts(opened: Opened, filled: AbstractSet[str] = frozenset()) -> Mapping[str, int]:
    """The exact rows of each table itself, without its partitions and children.

    A partitioned table that a dump has rows of (one of ``filled``) sorts them itself: the rows of its
    partitions are counted as its own, but for those of partitions that the dump has rows of, too. Many small
    tables are counted in one statement, large ones side by side.
    """
    with opened() as connection:
        tables = _catalog(connection, _TABLES_WITH_DATA)
        counted = {label(text(t[0]), text(t[1])): 0 for t in tables}
        stored = [t for t in tables if t[3] == b"r"]  # a partitioned table has no rows of its own
        large = [[t] for t in stored if int(t[4] or 0) > SMALL]
        small = [t for t in stored if int(t[4] or 0) <= SMALL]
        work = iter([*large, *_groups(iter(small), TOGETHER)])
        helpers = min(CONNECTIONS, os.cpu_count() or 1, len(large)) - 1
        with ThreadPoolExecutor(max_workers=max(helpers, 1)) as pool:
            further = [pool.submit(_count_with, opened, work) for _ in range(helpers)]
            counted |= _count(connection, work)
            for done in further:
                counted |= done.result()
        if any(t[3] == b"p" and label(text(t[0]), text(t[1])) in filled for t in tables):
            for row in _catalog(connection, _ROOTS):
                partition, root = label(text(row[0]), text(row[1])), label(text(row[2]), text(row[3]))
                if root in filled and partition not in filled:
                    counted[root] += counted[partition]
                    counted[partition] = 0
    return dict(sorted(counted.items()))


def _count_with(opened: Opened, work: Iterator[list[Row]]) -> dict[str, int]:
    with opened() as connection:
        return _count(connection, work)


def _count(connection: psycopg.Connection, work: Iterator[list[Row]]) -> dict[str, int]:
    """Counts group after group; several threads take from the same list iterator."""
    counted: dict[str, int] = {}
    for tables in work:
        asked = (b"SELECT %d, pg_catalog.count(*) FROM %s" % (i, table[2]) for i, table in enumerate(tables))
        for index, rows in query(connection, b" UNION ALL ".join(asked)):
            table = tables[int(index or 0)]
            counted[label(text(table[0]), text(table[1]))] = int(rows or 0)
    return counted


def _catalog(connection: psycopg.Connection, sql: str) -> list[Row]:
    """Asks the catalog, where no name of a user's schema can stand in for one of PostgreSQL's."""
    return together(connection, (PATH, sql.encode()))[-1]


def _labels(rows: list[Row]) -> Iterator[str]:
    return (label(*map(text, row)) for row in rows)


def _groups(items: Iterator[Item] | list[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
