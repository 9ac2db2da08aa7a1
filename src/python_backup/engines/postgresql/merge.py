"""Merging a dump's rows into tables that are there: staged in temporary tables, merged in one transaction.

Rows are matched by primary key. The tables' triggers fire, as for any INSERT or UPDATE; constraints
that can be deferred are, and tables are taken in the order of their foreign keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

import psycopg

from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.postgresql.columns import columns_of, listed_columns
from python_backup.dump.postgresql.session import Session, settings
from python_backup.engines.merged import How, Merged
from python_backup.engines.postgresql import load
from python_backup.engines.postgresql.connection import PASSING, identifier, literal, query
from python_backup.errors import BackupError, NotPermitted, Refused, StatementFailed
from python_backup.model import label

_READING = frozenset(
    {"client_encoding", "datestyle", "intervalstyle", "timezone", "xmloption", "lc_monetary"}
    | {"standard_conforming_strings", "escape_string_warning", "bytea_output", "extra_float_digits"}
)
"""Settings of a dump that change how its rows are read; no other of its statements is run."""

_TABLE = b"""
SELECT c.oid, c.relkind, pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2"""

_COLUMNS = b"""
SELECT attname, attgenerated <> '', attidentity = 'a'
FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped"""

_KEY = b"""
SELECT a.attname, i.indimmediate FROM pg_catalog.pg_index i
CROSS JOIN LATERAL pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WITH ORDINALITY k (number, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = $1::oid AND i.indisprimary ORDER BY k.place"""

_REFERENCES = b"""
SELECT DISTINCT coalesce(pg_catalog.pg_partition_root(conrelid), conrelid)::oid,
       coalesce(pg_catalog.pg_partition_root(confrelid), confrelid)::oid
FROM pg_catalog.pg_constraint WHERE contype = 'f'"""

_ROOT = b"SELECT coalesce(pg_catalog.pg_partition_root($1::oid::regclass), $1::oid::regclass)::oid"

_SEQUENCES = b"""
SELECT pg_catalog.format('%I.%I', n.nspname, s.relname), a.attname, q.seqincrement, n.nspname, s.relname
FROM (
    SELECT objid AS sequence, refobjid AS tab, refobjsubid AS place FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_class'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass
      AND deptype IN ('a', 'i') AND refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_depend d
      ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
     AND d.refclassid = 'pg_catalog.pg_class'::regclass
) u
JOIN pg_catalog.pg_class s ON s.oid = u.sequence AND s.relkind = 'S'
JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = u.tab AND a.attnum = u.place
WHERE u.tab = $1::oid AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)"""

_HINTS = {
    "55P03": "End the session that holds the lock (see pg_locks), or raise lock_timeout in the config.",
    "23505": "Rows are matched by primary key alone: another unique key has a value of the dump already.",
    "23503": "Pick the tables that the rows refer to as well, or restore beside the database.",
    "42501": "Merging needs TEMPORARY on the database, and SELECT, INSERT and UPDATE on the tables.",
}


@dataclass(frozen=True, slots=True)
class _Stage:
    """One table and the temporary table that holds the dump's rows of it; names are quoted, in bytes."""

    label: str
    oid: bytes
    partitioned: bool
    table: bytes
    name: bytes
    columns: tuple[bytes, ...]
    filled: tuple[bytes, ...]
    fixed: frozenset[bytes]
    key: tuple[bytes, ...]


def merge(connection: psycopg.Connection, pieces: Iterable[Piece], how: How) -> tuple[Merged, ...]:
    """Merges all rows in the pieces; after an error, close the connection: nothing was changed.

    Raises:
        Refused: a table or a column is not there, or rows of it cannot be matched.
        StatementFailed: the server refused a row: a constraint, a trigger, a value.
    """
    stages = _Stages(connection, how)
    merged: list[Merged] = []

    def ending(reached: int | None) -> None:
        if reached is None:
            merged.extend(stages.merged())

    try:
        load.load(connection, stages.staged(pieces), complete=True, ending=ending)
    except StatementFailed as exc:
        raise _named(exc, stages.all) from exc
    return tuple(sorted(merged, key=lambda m: m.table))


def rehearse(connection: psycopg.Connection, pieces: Iterable[Piece], how: How) -> None:
    """Reads all pieces and looks at the tables that their rows are for; sends none.

    Raises:
        Refused: a table or a column is not there, or rows of it cannot be matched.
    """
    for _ in _Stages(connection, how).staged(pieces):
        pass


def _named(exc: StatementFailed, stages: Iterable[_Stage]) -> StatementFailed:
    """The error with the table's name where it has the staging table's."""
    message = exc.message
    for stage in sorted(stages, key=lambda s: len(s.name), reverse=True):
        message = message.replace(stage.name.decode(), stage.label)
    return StatementFailed(message, hint=exc.hint, transient=exc.transient)


@dataclass(slots=True)
class _Stages:
    connection: psycopg.Connection
    how: How
    _session: Session = field(default_factory=Session)
    _declared: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _stages: dict[str, _Stage] = field(default_factory=dict)
    _head: tuple[bytes, bytes] = (b"", b"")

    @property
    def all(self) -> Iterable[_Stage]:
        return self._stages.values()

    def staged(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces that fill the staging tables, which are made on the way."""
        for piece in pieces:
            match piece:
                case Statement():
                    self._session.take(piece.sql)
                    if self._kept(piece.sql):
                        yield piece
                case DataBegin():
                    if self._head[0] != piece.sql:
                        self._head = (piece.sql, self._redirected(piece))
                    yield replace(piece, sql=self._head[1])
                case Rows() | DataEnd():
                    yield piece
                case _:
                    pass

    def _kept(self, sql: bytes) -> bool:
        declared = columns_of(self._session.cursor(sql))
        if declared is not None:
            self._declared[self._session.label(*declared[0])] = declared[1]
        at = self._session.cursor(sql)
        return at.sees("set") and all(name in _READING for name, _ in settings(at))

    def _redirected(self, piece: DataBegin) -> bytes:
        """The head of the data, into the staging table and with all columns named."""
        at = self._session.cursor(piece.sql)
        verb = b"COPY " if piece.copy else b"INSERT INTO "
        at.take()
        at.accept("into")
        at.accept("binary")
        parts = at.name()
        columns = listed_columns(at)
        rest = piece.sql[at.peek().start :] if not at.ended else b""
        name = (parts[-2] if len(parts) > 1 else self._session.schema, parts[-1])
        columns = columns or self._declared.get(label(*name), ())
        if not columns:
            raise Refused(
                f"line {piece.line}: the dump does not say which columns the rows of {label(*name)} have",
                hint="Take a dump with definitions, or with --column-inserts.",
            )
        encoded = tuple(identifier(self._encoded(c)) for c in columns)
        stage = self._stages.get(label(*name)) or self._stage(name, encoded)
        if set(encoded) - set(stage.columns):
            raise Refused(
                f"line {piece.line}: rows of {stage.label} have other columns than those before them"
            )
        return verb + stage.name + b" (" + b", ".join(encoded) + b") " + rest

    def _encoded(self, name: str) -> bytes:
        return name.encode(self._session.codec, "surrogateescape")

    def _stage(self, name: tuple[str, str], columns: tuple[bytes, ...]) -> _Stage:
        """Looks at the target's table, and makes the staging table.

        Raises:
            Refused: the rows cannot be merged into it.
        """
        shown = label(*name)
        found = query(self.connection, _TABLE, *map(self._encoded, name))
        if not found or found[0][1] not in {b"r", b"p"}:
            raise Refused(
                f"the target has no table {shown} to merge into",
                hint="Restore it with --table, without --merge.",
            )
        oid, kind, table = (value or b"" for value in found[0])
        known = {identifier(n or b""): row for n, *row in query(self.connection, _COLUMNS, oid)}
        missing = [c for c in columns if c not in known]
        if missing:
            raise Refused(
                f"table {shown} of the target has no column {missing[0].decode('utf-8', 'replace')},"
                " which the dump's rows have"
            )
        stage = _Stage(
            label=shown,
            oid=oid,
            partitioned=kind == b"p",
            table=table,
            name=b"pg_temp.merging_%d" % len(self._stages),
            columns=columns,
            filled=tuple(c for c in columns if known[c][0] != b"t"),
            fixed=frozenset(c for c in columns if known[c][1] == b"t"),
            key=self._key(shown, table, oid, columns),
        )
        listed = b", ".join(columns)
        query(
            self.connection,
            b"CREATE TEMP TABLE " + stage.name + b" ON COMMIT DROP AS SELECT " + listed
            + b" FROM " + table + b" WITH NO DATA",
        )  # fmt: skip
        self._stages[shown] = stage
        return stage

    def _key(self, shown: str, table: bytes, oid: bytes, columns: Sequence[bytes]) -> tuple[bytes, ...]:
        """The primary key's columns; none where all rows are to be added."""
        if self.how == "add":
            return ()
        found = query(self.connection, _KEY, oid)
        key = tuple(identifier(name or b"") for name, _ in found)
        if not key:
            if query(self.connection, b"SELECT FROM " + table + b" LIMIT 1"):
                raise Refused(
                    f"table {shown} has no primary key, so its rows cannot be matched",
                    hint="Leave it out with --exclude-table, or empty it first: then all rows are added.",
                )
            return ()
        if found[0][1] != b"t":
            raise Refused(f"the primary key of {shown} is deferrable, so rows cannot be matched by it")
        if set(key) - set(columns):
            raise Refused(f"the dump's rows of {shown} lack a column of the target's primary key")
        return key

    def merged(self) -> Iterator[Merged]:
        """Merges every staging table into its own; the loader commits after it."""
        order = self._ordered()
        for setting in ("datestyle", "intervalstyle", "timezone", "xmloption", "lc_monetary"):
            query(self.connection, b"RESET " + setting.encode())
        query(self.connection, b"SET CONSTRAINTS ALL DEFERRED")
        found = []
        for stage in order:
            with _refused(f"table {stage.label}"):
                found.append(self._merge(stage))
        with _refused("at the end"):
            query(self.connection, b"SET CONSTRAINTS ALL IMMEDIATE")
        for stage, one in zip(order, found, strict=True):
            with _refused(f"table {stage.label}"):
                yield replace(one, advanced=tuple(self._advanced(stage)) if one.added else ())

    def _merge(self, stage: _Stage) -> Merged:
        filled = b", ".join(stage.filled)
        rows = self._number(b"SELECT count(*) FROM " + stage.name)
        self._refuse_doubles(stage)
        there = 0
        clause, added = b"", b"true"
        if stage.key and self.how == "keep":
            clause = b" ON CONFLICT (" + b", ".join(stage.key) + b") DO NOTHING"
        elif stage.key:
            clause, added = self._replacing(stage), b"xmax = 0"
        if stage.key and self.how == "replace" and stage.partitioned:
            added = b"true"  # a partitioned table gives no xmax
            there = self._matched(stage)
        [(new, touched)] = query(
            self.connection,
            b"WITH merged AS (INSERT INTO " + stage.table + b" (" + filled + b") OVERRIDING SYSTEM VALUE"
            b" SELECT " + filled + b" FROM " + stage.name + clause + b" RETURNING " + added + b" AS added)"
            b" SELECT count(*) FILTER (WHERE added), count(*) FROM merged",
        )  # fmt: skip
        keeps = bool(stage.key) and self.how == "keep"
        taken = self._matched(stage) if keeps else int(touched or 0)  # what is kept is not returned
        if taken != rows:
            raise StatementFailed(
                f"table {stage.label}: the server took {taken} of {rows} rows",
                hint="A trigger or rule of the table leaves rows out.",
            )
        fresh = int(new or 0) - there
        if keeps:
            return Merged(stage.label, fresh, rows - fresh, 0)
        return Merged(stage.label, fresh, 0, rows - fresh)

    def _refuse_doubles(self, stage: _Stage) -> None:
        """Rows that the target's key takes for one: the dump's table had another key, or other collations."""
        key = b", ".join(stage.key)
        if key and query(
            self.connection,
            b"SELECT FROM " + stage.name + b" GROUP BY " + key + b" HAVING count(*) > 1 LIMIT 1",
        ):
            raise Refused(
                f"two of the dump's rows of {stage.label} have one value of the target's primary key",
                hint="Its key is not the one that the dump's table had: restore beside the database.",
            )

    def _matched(self, stage: _Stage) -> int:
        """How many of the dump's rows have one of their key in the table now."""
        return self._number(
            b"SELECT count(*) FROM " + stage.name + b" JOIN " + stage.table
            + b" USING (" + b", ".join(stage.key) + b")"
        )  # fmt: skip

    def _replacing(self, stage: _Stage) -> bytes:
        """All columns are set, the key's too: equal keys may be written differently (citext)."""
        columns = [c for c in stage.filled if c not in stage.fixed]
        head = b" ON CONFLICT (" + b", ".join(stage.key) + b") DO "
        if not columns:  # a table of nothing but its identity: rows that match are equal
            own = stage.key[0]
            raise Refused(f"table {stage.label} has no column that could be replaced beside {own.decode()}")
        return head + b"UPDATE SET " + b", ".join(c + b" = EXCLUDED." + c for c in columns)

    def _advanced(self, stage: _Stage) -> Iterator[str]:
        """Sets sequences forward to the last of the rows' numbers; they never go back."""
        for name, column, step, *parts in query(self.connection, _SEQUENCES, stage.oid):
            own = identifier(column or b"")
            if name is None or own not in stage.columns:
                continue
            up = int(step or 1) > 0
            [(last, called)] = query(self.connection, b"SELECT last_value, is_called FROM " + name)
            [(most,)] = query(
                self.connection,
                b"SELECT " + (b"max" if up else b"min") + b"(" + own + b") FROM " + stage.name,
            )
            before = int(last or 0) if called == b"t" else int(last or 0) - int(step or 1)
            if most is None or (int(most) <= before if up else int(most) >= before):
                continue
            query(
                self.connection, b"SELECT pg_catalog.setval(" + literal(name) + b"::regclass, " + most + b")"
            )
            shown = label(*((p or b"").decode("utf-8", "surrogateescape") for p in parts))
            yield f"sequence {shown} was set forward from {before} to {int(most)}"

    def _ordered(self) -> list[_Stage]:
        """Tables after those that they refer to; in a circle, as the dump has them."""
        roots = {stage.label: query(self.connection, _ROOT, stage.oid)[0][0] for stage in self.all}
        edges: dict[bytes | None, set[bytes | None]] = {root: set() for root in roots.values()}
        for child, parent in query(self.connection, _REFERENCES):
            if child in edges and parent in edges and child != parent:
                edges[child].add(parent)
        try:
            order = list(TopologicalSorter(edges).static_order())
        except CycleError:
            return list(self.all)
        return sorted(self.all, key=lambda stage: order.index(roots[stage.label]))

    def _number(self, sql: bytes) -> int:
        return int(query(self.connection, sql)[0][0] or 0)


@contextmanager
def _refused(where: str) -> Iterator[None]:
    """Turns what the server says of one table's rows into the project's errors; rows are in none."""
    try:
        yield
    except psycopg.Error as exc:
        if exc.sqlstate is None or exc.sqlstate.startswith(("08", "57P")):
            raise
        raise _failure(exc, where) from exc


def _failure(exc: psycopg.Error, where: str) -> BackupError:
    state = exc.sqlstate or "?"
    text = f"{where}: {exc.diag.message_primary} (SQLSTATE {state})"
    if state == "42501":
        return NotPermitted(text, hint=_HINTS[state])
    return StatementFailed(text, hint=_HINTS.get(state), transient=state in PASSING)
