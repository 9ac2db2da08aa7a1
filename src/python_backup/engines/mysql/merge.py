"""Merging a dump's rows into tables that are there: staged in temporary tables, merged in one transaction.

Rows are matched by primary key. The tables' triggers fire, as for any INSERT or UPDATE. Foreign keys are
checked when all rows are in, since InnoDB checks row by row, and rows may refer to later ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from python_backup.dump.mysql.columns import columns_of, head_of
from python_backup.dump.mysql.created import names
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import encode
from python_backup.dump.mysql.tokens import tokens
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.engines.merged import How, Merged
from python_backup.engines.mysql import load
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import Refused, StatementFailed
from python_backup.model import label

_MODES = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
"""A value that does not fit is an error, a zero in a counting column is a zero, an odd date is a date.

No NO_ZERO_DATE and NO_ZERO_IN_DATE beside them, as a server has by default: what is staged is merged.
"""

_STRICT = f"CONCAT(@@SESSION.sql_mode, ',{_MODES}')"

_TABLE = """
SELECT t.table_name, t.table_type, t.engine, e.transactions, t.auto_increment
FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = %s AND t.table_name = %s"""

_COLUMNS = """
SELECT column_name, generation_expression FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s"""

_KEY = """
SELECT column_name, sub_part FROM information_schema.statistics
WHERE table_schema = %s AND table_name = %s AND index_name = 'PRIMARY' ORDER BY seq_in_index"""

_REFERENCES = """
SELECT constraint_name, table_schema, table_name, column_name,
       referenced_table_schema, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE referenced_table_name IS NOT NULL AND (table_schema = %s OR referenced_table_schema = %s)
ORDER BY constraint_name, table_name, ordinal_position"""

_VALUE = re.compile(r"(Duplicate entry|value:?) '.*' for", re.DOTALL)
"""What the server quotes of a row."""
_HINTS = {
    1205: "End the session that holds the lock (SHOW PROCESSLIST), or raise lock_timeout in the config.",
    1062: "Rows are matched by primary key alone: another unique key has one of the dump's values already.",
    1044: "Merging needs CREATE TEMPORARY TABLES, SELECT, INSERT and UPDATE on the database.",
    1142: "Merging needs CREATE TEMPORARY TABLES, SELECT, INSERT and UPDATE on the database.",
}


@dataclass(frozen=True, slots=True)
class _Stage:
    """One table and the temporary table that holds the dump's rows of it; ``key`` is quoted, with lengths."""

    name: str
    stage: str
    columns: tuple[str, ...]
    filled: tuple[str, ...]
    key: tuple[str, ...]
    next_number: int

    @property
    def match(self) -> str:
        """Where a staged row ``s`` and the table's row ``t`` are the same."""
        return " AND ".join(f"s.{quoted(c)} = t.{quoted(c)}" for c in self.key)


@dataclass(frozen=True, slots=True)
class _Reference:
    """A foreign key; tables are quoted with their databases."""

    name: str
    child: tuple[str, str]
    parent: tuple[str, str]
    columns: tuple[tuple[str, str], ...]


def merge(
    sessions: tuple[Session, Session], database: str, pieces: Iterable[Piece], how: How
) -> tuple[Merged, ...]:
    """Merges all rows in the pieces; after an error, close the sessions: nothing was changed.

    The first session gets the rows; the second is asked about tables while the first is at work.

    Raises:
        Refused: a table or a column is not there, or rows of it cannot be matched.
        StatementFailed: the server refused a row, or a foreign key would be violated.
    """
    session, asked = sessions
    stages = _Stages(asked, database, how)
    session.use(database)
    try:
        load.load(session, stages.staged(pieces))
        found = _Merging(session, database, how).run(stages)
    except StatementFailed as exc:
        raise _named(exc, stages.all) from exc
    return tuple(sorted((stages.counted(one) for one in found), key=lambda m: m.table))


def rehearse(asked: Session, database: str, pieces: Iterable[Piece], how: How) -> None:
    """Reads all pieces and looks at the tables that their rows are for; sends none.

    Raises:
        Refused: a table or a column is not there, or rows of it cannot be matched.
    """
    asked.use(database)
    for _ in _Stages(asked, database, how).staged(pieces):
        pass


def _named(exc: StatementFailed, stages: Iterable[_Stage]) -> StatementFailed:
    """The error with the table's name where it has the staging table's, and without a row's value."""
    message = _VALUE.sub(r"\1 for", exc.message)
    for stage in sorted(stages, key=lambda s: len(s.stage), reverse=True):
        message = message.replace(quoted(stage.stage), label(stage.name))
    return StatementFailed(message, hint=exc.hint, transient=exc.transient)


@dataclass(slots=True)
class _Stages:
    """Turns a dump's pieces into what fills the staging tables; looks at the target's tables first."""

    asked: Session
    database: str
    how: How
    sequences: dict[str, bytes] = field(default_factory=dict)
    _modes: SqlModes = field(default_factory=SqlModes)
    _declared: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _stages: dict[str, _Stage] = field(default_factory=dict)
    _head: tuple[bytes, bytes] = (b"", b"")

    def __post_init__(self) -> None:
        version = self.asked.version.lower()
        if "mariadb" not in version and not version.startswith("5."):  # else counters would be a day old
            self.asked.rows("SET SESSION information_schema_stats_expiry = 0")

    @property
    def all(self) -> tuple[_Stage, ...]:
        return tuple(self._stages.values())

    def staged(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """SETs as they are, staging tables, and rows; all else is read and left out."""
        for piece in pieces:
            match piece:
                case Statement():
                    if self._kept(piece.sql):
                        yield piece
                case DataBegin():
                    if self._head[0] != piece.sql:
                        yield from self._redirect(piece)
                    yield replace(piece, sql=self._head[1])
                case Rows() | DataEnd():
                    yield piece
                case _:
                    pass

    def counted(self, merged: Merged) -> Merged:
        """With what the server's counters say after it."""
        stage = self._stages[merged.table]
        rows = self._ask(_TABLE, stage.name)
        after = int(rows[0][4]) if rows and rows[0][4] is not None else None
        if merged.added and after is not None and after > stage.next_number:
            said = f"the next number of {merged.table} was set forward from {stage.next_number} to {after}"
            return replace(merged, advanced=(said, *merged.advanced))
        return merged

    def _kept(self, sql: bytes) -> bool:
        self._modes.follow(sql)
        found = tokens(sql, self._modes)
        declared = columns_of(found)
        if declared is not None:
            self._declared[label(declared[0])] = declared[1]
        words = [t.word for t in found[:2]]
        if words in (["SELECT", "SETVAL"], ["DO", "SETVAL"]):
            name = next(names(found, 3), None)
            if name is not None:
                self.sequences[name.name] = sql
        return words[:1] == ["SET"]

    def _redirect(self, piece: DataBegin) -> Iterator[Piece]:
        head = head_of(tokens(piece.sql, self._modes))
        if head is None or not head.values:
            raise Refused(f"line {piece.line}: rows of {piece.table} come from a query, so cannot be merged")
        shown = label(head.table)
        columns = head.columns or self._declared.get(shown, ())
        if not columns:
            raise Refused(
                f"line {piece.line}: the dump does not say which columns the rows of {shown} have",
                hint="Take a dump with definitions, or with --complete-insert.",
            )
        stage = self._stages.get(shown)
        if stage is None:
            stage = self._stages[shown] = self._stage(head.table, columns)
            yield from self._making(stage, piece.line)
        if set(columns) - set(stage.columns):
            raise Refused(f"line {piece.line}: rows of {shown} have other columns than those before them")
        listed = ", ".join(map(quoted, columns))
        self._head = (piece.sql, encode(f"INSERT INTO {quoted(stage.stage)} ({listed}) VALUES "))

    def _stage(self, name: str, columns: tuple[str, ...]) -> _Stage:
        """Looks at the target's table.

        Raises:
            Refused: the rows cannot be merged into it.
        """
        shown = label(name)
        rows = self._ask(_TABLE, name)
        if not rows or rows[0][1] not in ("BASE TABLE", "SYSTEM VERSIONED"):
            raise Refused(
                f"the target has no table {shown} to merge into",
                hint="Restore it with --table, without --merge.",
            )
        _, kind, engine, transactions, number = rows[0]
        if kind == "SYSTEM VERSIONED":
            raise Refused(f"table {shown} is system-versioned: rows of its history cannot be merged")
        if transactions != "YES":
            raise Refused(
                f"table {shown} is of engine {engine}, which has no transactions",
                hint="Change it with ALTER TABLE … ENGINE = InnoDB, or leave it out with --exclude-table.",
            )
        known = {str(column): bool(expression) for column, expression in self._ask(_COLUMNS, name)}
        missing = [c for c in columns if c not in known]
        if missing:
            raise Refused(
                f"table {shown} of the target has no column {label(missing[0])}, which the dump's rows have"
            )
        return _Stage(
            name=name,
            stage=f"vya_merging_{len(self._stages)}",
            columns=columns,
            filled=tuple(c for c in columns if not known[c]),
            key=self._key(name, columns),
            next_number=int(number or 1),
        )

    def _key(self, name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The primary key's columns; none where all rows are to be added."""
        if self.how == "add":
            return ()
        key = tuple(str(column) for column, _ in self._ask(_KEY, name))
        if not key:
            if self.asked.rows(f"SELECT 1 FROM {self._place(name)} LIMIT 1"):
                raise Refused(
                    f"table {label(name)} has no primary key, so its rows cannot be matched",
                    hint="Leave it out with --exclude-table, or empty it first: then all rows are added.",
                )
        elif set(key) - set(columns):
            raise Refused(f"the dump's rows of {label(name)} lack a column of the target's primary key")
        return key

    def _making(self, stage: _Stage, line: int) -> Iterator[Statement]:
        lengths = {str(c): part for c, part in self._ask(_KEY, stage.name)}
        key = ", ".join(quoted(c) + (f"({lengths[c]})" if lengths[c] else "") for c in stage.key)
        listed = ", ".join(map(quoted, stage.columns))
        sql = (
            f"CREATE TEMPORARY TABLE {quoted(stage.stage)}" + (f" (PRIMARY KEY ({key}))" if key else "")
            + f" ENGINE = InnoDB SELECT {listed} FROM {self._place(stage.name)} LIMIT 0"
        )  # fmt: skip
        for text in (encode(sql), b"SET SESSION sql_mode = " + _STRICT.encode()):
            yield Statement(text, line, text)

    def _ask(self, sql: str, name: str) -> list[tuple[Any, ...]]:
        return self.asked.rows(sql, self.database, name)

    def _place(self, name: str) -> str:
        return f"{quoted(self.database)}.{quoted(name)}"


@dataclass(frozen=True, slots=True)
class _Merging:
    """The one transaction."""

    session: Session
    database: str
    how: How

    def run(self, stages: _Stages) -> list[Merged]:
        self.session.rows(
            f"SET SESSION sql_mode = '{_MODES}', foreign_key_checks = 0, unique_checks = 1, autocommit = 1"
        )
        references = self._references()
        self.session.rows("START TRANSACTION")
        found = []
        for stage in stages.all:
            with _refused(stage.name):
                found.append(self._merge(stage))
        for stage in stages.all:
            for reference in references:
                self._check(stage, reference)
        said = self._set_forward(stages.sequences)
        self.session.rows("COMMIT")
        return [replace(one, advanced=said if i == 0 else ()) for i, one in enumerate(found)]

    def _merge(self, stage: _Stage) -> Merged:
        table = f"{quoted(self.database)}.{quoted(stage.name)}"
        staged = quoted(stage.stage)
        filled = ", ".join(map(quoted, stage.filled))
        rows = int(self.session.value(f"SELECT COUNT(*) FROM {staged}"))
        if not stage.key:
            added = self._send(f"INSERT INTO {table} ({filled}) SELECT {filled} FROM {staged}")
            return Merged(label(stage.name), added, 0, 0)
        if self.how == "replace":
            values = ", ".join(f"t.{quoted(c)} = s.{quoted(c)}" for c in stage.filled)
            self._send(f"UPDATE {table} t JOIN {staged} s ON {stage.match} SET {values}")
        picked = ", ".join(f"s.{quoted(c)}" for c in stage.filled)
        added = self._send(
            f"INSERT INTO {table} ({filled}) SELECT {picked} FROM {staged} s"
            f" LEFT JOIN {table} t ON {stage.match} WHERE t.{quoted(stage.key[0])} IS NULL"
        )
        there = rows - added
        kept, replaced = (there, 0) if self.how == "keep" else (0, there)
        return Merged(label(stage.name), added, kept, replaced)

    def _send(self, sql: str) -> int:
        return self.session.send(encode(sql))

    def _references(self) -> list[_Reference]:
        found: dict[tuple[str, str, str], _Reference] = {}
        for row in self.session.rows(_REFERENCES, self.database, self.database):
            name, schema, table, column, parent_schema, parent, parent_column = map(str, row)
            known = found.get((schema, table, name))
            columns = (*(known.columns if known else ()), (column, parent_column))
            found[schema, table, name] = _Reference(name, (schema, table), (parent_schema, parent), columns)
        return list(found.values())

    def _check(self, stage: _Stage, reference: _Reference) -> None:
        """Sees that the merged rows have their parents, and that no child has lost its own.

        Raises:
            StatementFailed: a row has none.
        """
        own = (self.database, stage.name)
        is_child = reference.child == own
        moved = self.how == "replace" and reference.parent == own
        if moved and {parent for _, parent in reference.columns} <= set(stage.key):
            moved = False  # a row's key stays what it is
        if not is_child and not moved:
            return
        child, parent = (".".join(map(quoted, place)) for place in (reference.child, reference.parent))
        narrowed = bool(stage.key) and is_child and not moved
        source = f"{quoted(stage.stage)} s JOIN {child} t ON {stage.match}" if narrowed else f"{child} t"
        joined = " AND ".join(f"p.{quoted(there)} = t.{quoted(here)}" for here, there in reference.columns)
        given = " AND ".join(f"t.{quoted(here)} IS NOT NULL" for here, _ in reference.columns)
        orphan = self.session.rows(
            f"SELECT 1 FROM {source} LEFT JOIN {parent} p ON {joined}"
            f" WHERE {given} AND p.{quoted(reference.columns[0][1])} IS NULL LIMIT 1 LOCK IN SHARE MODE"
        )
        if orphan:
            raise StatementFailed(
                f"table {label(reference.child[1])}: a row would violate foreign key {label(reference.name)}"
                f" to {label(reference.parent[1])}",
                hint="Pick the tables that the rows refer to as well, or restore beside the database.",
            )

    def _set_forward(self, sequences: dict[str, bytes]) -> tuple[str, ...]:
        """MariaDB's SETVAL never goes back, so the dump's own may be run; what it moved is told."""
        said = []
        for name, sql in sequences.items():
            place = f"{quoted(self.database)}.{quoted(name)}"
            try:
                before = int(self.session.value(f"SELECT next_not_cached_value FROM {place}"))
                self.session.send(sql)
                after = int(self.session.value(f"SELECT next_not_cached_value FROM {place}"))
            except ServerSaid as exc:
                raise StatementFailed(f"sequence {label(name)}: {exc.reason} ({exc.code})") from exc
            if after != before:
                said.append(f"sequence {label(name)} was set forward from {before} to {after}")
        return tuple(said)


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except ServerSaid as exc:
        reason = _VALUE.sub(r"\1 for", exc.reason)
        raise StatementFailed(
            f"table {label(name)}: {reason} ({exc.code})", hint=_HINTS.get(exc.code), transient=exc.transient
        ) from exc
