"""What a dump of one database should hold: what its catalogs list, but for what the options leave out.

The options are mysqldump's and mariadb-dump's own. A table that ``--ignore-table`` names takes its
indexes, constraints and triggers with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from python_backup.engines.mysql.connection import Session
from python_backup.engines.mysql.survey import objects, of_schema
from python_backup.model import label

KINDS = frozenset(
    ("tables", "views", "sequences", "routines", "triggers", "events", "indexes", "constraints")
)
"""Every kind that a server of this family lists."""

_DEFINED_WITH_TABLES = frozenset(("tables", "views", "sequences", "indexes", "constraints"))
_SWITCHES = {
    "triggers": frozenset({"triggers"}),
    "routines": frozenset({"routines"}),
    "events": frozenset({"events"}),
    "create-info": _DEFINED_WITH_TABLES,
}
"""Options that are on unless taken back (``--skip-triggers``, ``--events=0``), and what they bring."""

_SHORT = {"-t": "no-create-info", "-R": "routines", "-E": "events"}
_OFF = frozenset({"0", "off", "false"})

OF_THE_SERVER = frozenset(
    {
        *("general_log", "slow_log", "transaction_registry", "apply_status", "schema", "gtid_executed"),
        *("ndb_binlog_index", "innodb_index_stats", "innodb_table_stats", "innodb_dynamic_metadata"),
    }
)
"""Tables of the database ``mysql`` that the tools pass by: the server fills them."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the options leave out: whole kinds, and tables or views by name."""

    kinds: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()


def left_out(options: Sequence[str], database: str) -> LeftOut:
    """What the options leave out of a dump of this database; of two that contradict, the later one holds."""
    kinds: set[str] = set()
    tables: set[str] = set()
    for name, value in _options(options):
        plain = re.sub(r"\A(skip-|disable-|no-(?=create-info))", "", name)
        on = (value.lower() not in _OFF) is (plain == name)
        if plain in _SWITCHES:
            kinds = kinds - _SWITCHES[plain] if on else kinds | _SWITCHES[plain]
        elif plain == "ignore-views":
            kinds = kinds | {"views"} if on else kinds - {"views"}
        elif name == "ignore-table" and value.startswith(f"{database}."):
            tables.add(value[len(database) + 1 :])
    return LeftOut(frozenset(kinds), frozenset(tables))


def _options(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option as its long name and its value, which may be the next word."""
    words = iter(options)
    for word in words:
        name, _, value = _SHORT.get(word, word).removeprefix("--").partition("=")
        name = name.replace("_", "-").removeprefix("loose-")
        yield name, value or (next(words, "") if name == "ignore-table" else "")


def expected(session: Session, database: str, options: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The objects by kind that a dump with these options holds when nothing is missing."""
    left = left_out(options, database)
    tables = left.tables | (OF_THE_SERVER if database.lower() == "mysql" else frozenset())
    found = {kind: names for kind, names in objects(session, database).items() if kind not in left.kinds}
    if not tables:
        return found
    gone = {label(name) for name in tables}
    triggers = _triggers_of(session, database, tables)
    kept = {
        kind: tuple(name for name in names if not _belongs(kind, name, gone, triggers))
        for kind, names in found.items()
    }
    return {kind: names for kind, names in kept.items() if names}


def _belongs(kind: str, name: str, tables: set[str], triggers: set[str]) -> bool:
    if kind in {"indexes", "constraints"}:
        return any(name.startswith(f"{table}.") for table in tables)
    if kind == "triggers":
        return name in triggers
    return kind in _DEFINED_WITH_TABLES and name in tables


def _triggers_of(session: Session, database: str, tables: frozenset[str]) -> set[str]:
    sql = (
        "SELECT trigger_name, event_object_table FROM information_schema.triggers"
        f" WHERE {of_schema('trigger_schema')}"
    )
    return {label(name) for name, table in session.rows(sql, database, database) if table in tables}
