"""What a dump of a database cannot hold exactly, or a restore would turn into something else.

Nothing here is the account's fault (see `rights`): the tools and the servers are made so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import relations
from python_backup.errors import NotPermitted
from python_backup.model import label


@dataclass(frozen=True, slots=True)
class Losses:
    """What a dump of this database cannot hold exactly, whatever the account may do.

    ``by_transaction``: tables whose history cannot be dumped at all.
    """

    float_columns: tuple[str, ...]
    unprotected: tuple[str, ...]
    versioned: bool
    by_transaction: tuple[str, ...]
    masking_hidden: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each kind of loss."""
        found = (
            (self.float_columns, "FLOAT columns keep six digits in a dump (use DOUBLE): {}"),
            (self.unprotected, "tables without transactions are dumped while they may change: {}"),
        )
        return tuple(text.format(_listed(names)) for names, text in found if names)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is not in the dump at all."""
        text = "history by transaction cannot be dumped; current rows only"
        return (f"{text}: {_listed(self.by_transaction)}",) if self.by_transaction else ()


def masking_hidden(session: Session) -> bool:
    """Whether MySQL's column masking policies (9.7) are closed to the account; mysqldump asks for them.

    Nobody may read a table by name without a right on it, even when it is not there.
    """
    try:
        session.rows("SELECT 1 FROM mysql.column_masking_policy LIMIT 0")
    except NotPermitted:
        return True
    except ServerSaid:
        return False  # there is no such table
    return False


UNPROTECTED = (
    "SELECT t.table_name, t.engine FROM information_schema.tables t"
    " JOIN information_schema.engines e ON e.engine = t.engine"
    " WHERE t.table_schema = %s AND t.table_type <> 'SEQUENCE'"
    " AND COALESCE(e.transactions, 'NO') <> 'YES' ORDER BY t.table_name"
)
"""The question for a database's tables without transactions, and their engines."""


def find(session: Session, database: str) -> Losses:
    """Looks for FLOAT columns, tables without transactions, and system-versioned tables."""
    # no join with information_schema.tables: MariaDB opens the tables of every database of the server for it
    floats = session.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = %s AND data_type = 'float' ORDER BY table_name, ordinal_position",
        database,
    )
    unprotected = session.rows(UNPROTECTED, database)
    found = relations(session, database)
    views = {relation.name for relation in found if relation.kind == "VIEW"}
    versioned = any(relation.kind == "SYSTEM VERSIONED" for relation in found)
    by_transaction = (
        session.rows(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = %s"
            " AND generation_expression = 'ROW START' AND data_type = 'bigint' ORDER BY table_name",
            database,
        )
        if versioned
        else []
    )
    return Losses(
        float_columns=tuple(label(table, column) for table, column in floats if table not in views),
        unprotected=tuple(f"{label(table)} ({engine})" for table, engine in unprotected),
        versioned=versioned,
        by_transaction=tuple(label(table) for (table,) in by_transaction),
        masking_hidden=masking_hidden(session),
    )


def histories(session: Session, database: str) -> tuple[str, ...]:
    """The system-versioned tables that have rows which ended; each is read as far as the first of these.

    So are tables that the account may not read. Not for tables that are versioned by transaction.
    """
    return tuple(
        label(table)
        for table, rows, end in _versioned(session, database)
        if _holds_some(session, f"{rows} WHERE {end} < {_LAST_SECOND_BEFORE_11_5}")
    )


def _holds_some(session: Session, which: str) -> bool:
    try:
        return bool(session.value(f"SELECT EXISTS (SELECT 1 FROM {which})"))
    except NotPermitted:
        return True  # as far as the account can tell; the dump will say what it may not read


def stranded(session: Session, database: str) -> Mapping[str, int]:
    """Rows by table that were current before MariaDB 11.5, and are history since.

    A current row of a system-versioned table ends at the last possible time: 2038 before 11.5, 2106 from
    then on. A dump with history carries that time.
    """
    last = f"{_LAST_SECOND_BEFORE_11_5}.999999"
    counts = {
        label(table): int(session.value(f"SELECT COUNT(*) FROM {rows} WHERE {end} = {last}"))
        for table, rows, end in _versioned(session, database)
    }
    return {table: count for table, count in counts.items() if count}


def _versioned(session: Session, database: str) -> Iterator[tuple[str, str, str]]:
    """Each table that is versioned by time: its name, all its rows, and the second at which a row ended."""
    ends = dict(
        session.rows(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = %s AND generation_expression = 'ROW END' AND data_type = 'timestamp'",
            database,
        )
    )
    for table in (r.name for r in relations(session, database) if r.kind == "SYSTEM VERSIONED"):
        # a number of seconds, so that the session's time zone does not matter
        end = f"UNIX_TIMESTAMP({quoted(ends.get(table, 'row_end'))})"
        yield table, f"{quoted(database)}.{quoted(table)} FOR SYSTEM_TIME ALL", end


_LAST_SECOND_BEFORE_11_5 = 2**31 - 1


def has_generated_columns(session: Session, database: str) -> bool:
    """Whether a table computes columns from others."""
    sql = (
        "SELECT COUNT(*) FROM information_schema.columns"
        " WHERE table_schema = %s AND generation_expression <> ''"
    )
    return bool(session.value(sql, database))


def _listed(names: Sequence[str], limit: int = 10) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
