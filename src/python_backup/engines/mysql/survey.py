"""What the server itself says of one database: rows, objects, sequences, size, account's rights.

Everything is asked with names as values or quoted identifiers; counts are exact.
"""

from __future__ import annotations

import queue
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from python_backup.engines.mysql.connection import Opener, Session, quoted
from python_backup.model import label

OWN = frozenset({"information_schema", "performance_schema", "mysql", "sys", "ndbinfo"})
"""The engine's own databases."""

JOURNAL = "__vya_backupdb_journal"
"""In a database that is to take another's name: what is about to change."""

PARKED = "__vya_backupdb_parked"
"""In a database that has not its name: the events that run when it gets it."""

EMPTIED = "__vya_backupdb_emptied"
"""In a database that is being filled where it stands."""

FREEING = "__vya_backupdb_freeing"
"""In a database that is being filled, for a moment: takes the place of a table's file that a crash left."""

KEEPING = "__vya_backupdb_loaded"
"""In a database that is being filled: which parts of its backup are in."""

OWN_TABLES = frozenset((JOURNAL, PARKED, EMPTIED, FREEING, KEEPING))
"""The program's own tables, which belong to no contents."""

_COUNTERS = 4
_TABLES_IN_ONE_QUERY = 50
_MANY_ROWS = 200_000
_BASE = ("BASE TABLE", "SYSTEM VERSIONED")


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table, view or sequence; ``kind`` is information_schema's table_type."""

    name: str
    kind: str


def identity(session: Session) -> str:
    """MySQL's own mark of the server, which a replica does not share; MariaDB has none: its place."""
    asked = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'hostname', 'port', 'datadir')"
    found = {str(name).lower(): str(value) for name, value in session.rows(asked)}
    return found.get("server_uuid") or " ".join(found.get(n, "") for n in ("hostname", "port", "datadir"))


def databases(session: Session) -> tuple[str, ...]:
    """The databases that are not the engine's own, sorted."""
    found = {name for (name,) in session.rows("SHOW DATABASES")}
    return tuple(sorted(n for n in found if n.lower() not in OWN and not n.startswith("#mysql50#")))


def exists(session: Session, database: str) -> bool:
    """Whether there is such a database, by the server's own rule of upper and lower case.

    Raises:
        Refused: no database can have this name.
    """
    quoted(database)
    names = {name for (name,) in session.rows("SHOW DATABASES")}
    if session.value("SELECT @@lower_case_table_names") == 0:
        return database in names
    return database.lower() in {name.lower() for name in names}


def size(session: Session, database: str) -> int:
    """The data's and the indexes' bytes by the server's statistics."""
    found = session.value(
        "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = %s",
        database,
    )
    return int(found or 0)


def relations(session: Session, database: str) -> tuple[Relation, ...]:
    """Tables, views and sequences, sorted; temporary ones are left out.

    SHOW FULL TABLES would do, but calls a system-versioned table a base table (MariaDB 10.11, 11.8).
    """
    found = session.rows(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s", database
    )
    return tuple(sorted(Relation(name, kind) for name, kind in found if not kind.startswith("TEMPORARY")))


def objects(session: Session, database: str) -> Mapping[str, tuple[str, ...]]:
    """The objects by kind, with the labels of `python_backup.dump.mysql.objects`."""
    found = relations(session, database)
    by_kind: dict[str, Iterable[tuple[str, ...]]] = {
        "tables": [(r.name,) for r in found if r.kind in _BASE],
        "views": [(r.name,) for r in found if r.kind == "VIEW"],
        "sequences": [(r.name,) for r in found if r.kind == "SEQUENCE"],
        **{kind: session.rows(sql, *[database] * sql.count("%s")) for kind, sql in _LISTS.items()},
        "constraints": _constraints(session, database),
    }
    labelled = {
        kind: tuple(sorted(label(*names) for names in rows if names[0] not in OWN_TABLES))
        for kind, rows in by_kind.items()
    }
    return {kind: labels for kind, labels in sorted(labelled.items()) if labels}


def of_schema(column: str) -> str:
    """The condition that a row is of just this database, for the same value given twice.

    MariaDB compares the databases of routines, triggers and events without regard to case and accents
    (10.5 to 11.8); the first half keeps it from opening the tables of every database.
    """
    return f"{column} = %s AND CAST({column} AS BINARY) = CAST(%s AS BINARY)"


_LISTS = {
    "routines": f"SELECT routine_name FROM information_schema.routines WHERE {of_schema('routine_schema')}",
    "triggers": f"SELECT trigger_name FROM information_schema.triggers WHERE {of_schema('trigger_schema')}",
    "events": f"SELECT event_name FROM information_schema.events WHERE {of_schema('event_schema')}",
    "indexes": "SELECT DISTINCT table_name, index_name FROM information_schema.statistics"
    " WHERE table_schema = %s",
}


def _constraints(session: Session, database: str) -> list[tuple[str, ...]]:
    """Foreign keys, and CHECKs but for those that MariaDB counts as part of a column."""
    foreign_keys = session.rows(
        "SELECT table_name, constraint_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s",
        database,
    )
    if is_mariadb(session):
        return foreign_keys + _mariadb_checks(session, database)
    return foreign_keys + session.rows(
        "SELECT table_name, constraint_name FROM information_schema.table_constraints"
        " WHERE constraint_schema = %s AND constraint_type = 'CHECK'",
        database,
    )


def implied(session: Session, database: str) -> Mapping[str, AbstractSet[str]]:
    """Checks and foreign keys that the server named itself, and the indexes that it made for such keys.

    ``t_chk_1`` and ``CONSTRAINT_1`` are checks without a name, in columns too, ``t_ibfk_1`` a foreign key;
    ``REFERENCES`` in a column makes one too (MariaDB 10.5, MySQL 9.0), and was only read before.
    """
    own = {
        (table, name)
        for table, name in _constraints(session, database)
        if _OWN_NAME.fullmatch(name.removeprefix(f"{table}_"))
    }
    indexes = session.rows(
        "SELECT k.table_name, k.constraint_name, s.index_name FROM information_schema.key_column_usage k"
        " JOIN information_schema.statistics s ON s.table_schema = k.table_schema"
        " AND s.table_name = k.table_name AND s.column_name = k.column_name"
        " AND s.seq_in_index = k.ordinal_position"
        " WHERE k.table_schema = %s AND k.referenced_table_name IS NOT NULL",
        database,
    )
    return {
        "constraints": {label(*names) for names in own},
        "indexes": {label(table, index) for table, key, index in indexes if (table, key) in own},
    }


_OWN_NAME = re.compile(r"(?:chk|ibfk|CONSTRAINT)_\d+")


def _mariadb_checks(session: Session, database: str) -> list[tuple[str, ...]]:
    """CHECKs of whole tables; the one that stands for ``PERIOD FOR p`` (begin < end) is none."""
    found = session.rows(
        "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints"
        " WHERE constraint_schema = %s AND level = 'Table'",
        database,
    )
    return [
        (table, name)
        for table, name, clause in found
        if not (_TWO_COLUMNS.match(clause) and _has_period(session, database, table, name))
    ]


_TWO_COLUMNS = re.compile(r"`(?:[^`]|``)*` < `(?:[^`]|``)*`\Z")


def _has_period(session: Session, database: str, table: str, name: str) -> bool:
    made = session.rows(f"SHOW CREATE TABLE {quoted(database)}.{quoted(table)}")[0][1]
    return f"PERIOD FOR {quoted(name)}" in made


def is_mariadb(session: Session) -> bool:
    """Whether the server is MariaDB, by its own word."""
    return "mariadb" in session.version.lower()


def sequences(session: Session, database: str) -> Mapping[str, int]:
    """Each sequence's next value that is not cached, which is what a dump sets (MariaDB only)."""
    names = [r.name for r in relations(session, database) if r.kind == "SEQUENCE"]
    return {
        label(name): int(
            session.value(f"SELECT next_not_cached_value FROM {quoted(database)}.{quoted(name)}")
        )
        for name in sorted(names)
    }


def counts(open_another: Opener, database: str) -> Mapping[str, int]:
    """Exact rows of every base table, over several connections.

    Small tables are counted many in one query. A system-versioned table's history counts: a dump
    may hold it, and a table that was loaded without it has none.
    """
    first = open_another()
    try:
        selects = _count_queries(first, database)
        work: queue.SimpleQueue[str] = queue.SimpleQueue()
        for sql in selects:
            work.put(sql)
        further = [open_another() for _ in range(min(_COUNTERS, len(selects)) - 1)]
    except BaseException:
        first.close()
        raise
    sessions = [first, *further]
    try:
        with ThreadPoolExecutor(len(sessions)) as pool:
            parts = list(pool.map(lambda session: _drain(session, work), sessions))
    finally:
        for session in sessions:
            session.close()
    return {label(name): rows for name, rows in sorted(pair for part in parts for pair in part)}


def _drain(session: Session, work: queue.SimpleQueue[str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    while True:
        try:
            sql = work.get_nowait()
        except queue.Empty:
            return found
        found += [(name, int(rows)) for name, rows in session.rows(sql)]


def _count_queries(session: Session, database: str) -> list[str]:
    """One query for each large table, the largest first, then one for many small ones."""
    estimates: dict[str, int] = {
        name: int(rows or 0)
        for name, rows in session.rows(
            "SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = %s", database
        )
    }
    tables = [r for r in relations(session, database) if r.kind in _BASE and r.name not in OWN_TABLES]
    tables.sort(key=lambda r: -estimates.get(r.name, 0))
    large = [r for r in tables if estimates.get(r.name, 0) >= _MANY_ROWS]
    return [_count(database, [r]) for r in large] + [
        _count(database, part) for part in _parts(tables[len(large) :], _TABLES_IN_ONE_QUERY)
    ]


def _count(database: str, tables: Sequence[Relation]) -> str:
    return " UNION ALL ".join(_count_one(database, table) for table in tables)


def _count_one(database: str, table: Relation) -> str:
    # the name comes back from hex, so that no character set or sql_mode can change it
    name = f"CONVERT(X'{table.name.encode().hex()}' USING utf8mb4)"
    history = " FOR SYSTEM_TIME ALL" if table.kind == "SYSTEM VERSIONED" else ""
    return f"SELECT {name}, COUNT(*) FROM {quoted(database)}.{quoted(table.name)}{history}"


def _parts(tables: Sequence[Relation], length: int) -> Iterable[Sequence[Relation]]:
    return (tables[at : at + length] for at in range(0, len(tables), length))
