"""Sending a dump's pieces to the server: statements in batches, COPY data in blocks, all of it in bytes.

A whole database is loaded in one transaction, so that what fails leaves nothing; in several where the
server's lock table cannot hold as many objects as the dump makes, and where indexes are made beside it, on
`lanes`: these see only what is committed. Every error names its
statement's line in the dump. No row data is in a message: rows may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import chain

import psycopg
from psycopg import generators, pq
from psycopg.pq.abc import PGresult

from python_backup.dump.builds import Build, Builds, work_of
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.engines.postgresql.blocks import blocks
from python_backup.engines.postgresql.connection import converting, literal, query
from python_backup.engines.postgresql.fresh import Fresh
from python_backup.engines.postgresql.lanes import Lanes
from python_backup.engines.postgresql.lanes import opened as lanes_of
from python_backup.engines.postgresql.refused import PEEK, Sent, error, failure, shown
from python_backup.errors import FactsDiffer, StatementFailed

BATCH = 64 << 10
"""Bytes of statements that are sent as one message."""

FEW, MANY = 256 << 10, 8 << 20
"""Bytes of a table's rows that are worth a lane's transaction, and that are held for it at most."""

_ALONE = re.compile(
    rb"\s*(SET|RESET|BEGIN|START|COMMIT|END|ROLLBACK|ABORT)\b|\s*SELECT\b.{,200}\bset_config\b",
    re.IGNORECASE | re.DOTALL,
)
"""What may change how the next message is read; the server parses a message as a whole."""

_BETWEEN = re.compile(
    rb"\s*(CREATE|ALTER|COMMENT)\b|\s*SELECT (pg_catalog\.)?lo_(create|open)\b", re.IGNORECASE
)
"""Statements before which a transaction may be parted: not within the writing of a large object."""

_BESIDE = re.compile(
    rb"\s*(SET|RESET)\b|\s*SELECT (pg_catalog\.)?(setval|set_config|lo_\w+|lowrite)\b", re.IGNORECASE
)
"""Statements that nothing that is being built has to do with."""

_LOCK_SLOTS = b"""
SELECT pg_catalog.current_setting('max_locks_per_transaction')::int8 * (
    pg_catalog.current_setting('max_connections')::int8
    + pg_catalog.current_setting('max_prepared_transactions')::int8)"""

_LOCKS_HELD = b"SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid()"

_BY_ITSELF = (
    b"SELECT 1 FROM pg_catalog.pg_class WHERE oid = %s::pg_catalog.regclass"
    b" AND relkind = 'r' AND relpersistence <> 't' AND NOT relhastriggers"
)
"""A plain table that no foreign key and no trigger of its own ties to another."""

_MARK = b"vya_backupdb_empty"
_LOOK = (
    b"SAVEPOINT " + _MARK + b"; LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE; SELECT 1 FROM ONLY %s LIMIT 1"
)
_EMPTY = b"TRUNCATE TABLE ONLY %s; RELEASE SAVEPOINT " + _MARK
_NOT_EMPTIED = frozenset({"0A000", "42501", "42809", "55006"})
"""Another table refers to it, it is another's or no table, or its triggers are still to run."""

_COPY_ROW = re.compile(r"^COPY .*?, [^\d,]*(\d+)", re.MULTILINE)
"""The server's context: ``COPY t, line 5, column a: …``, in the words of its lc_messages."""


Ending = Callable[[int | None], object]
"""Called before a transaction ends, when the server has all of it, with the line of its last statement.

None: it is the last, and the server has everything.
"""


@dataclass(slots=True)
class _Batch:
    texts: list[bytes] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    size: int = 0


def load(
    connection: psycopg.Connection,
    pieces: Iterable[Piece],
    *,
    complete: bool,
    ending: Ending | None = None,
    lanes: Lanes | None = None,
) -> None:
    """Sends all pieces; with ``complete`` in one transaction, else each statement on its own.

    With ``lanes``, a transaction ends where they are given something to build.

    The connection is of no use after an error; closing it rolls its transaction back. Who made the
    database drops it then.

    Raises:
        StatementFailed, NotPermitted, ConnectionFailed: the server refused something, or is gone.
        FactsDiffer: the server took another number of rows than a COPY has.
    """
    with converting("the dump cannot be loaded"):
        loader = _Loader(connection, lanes, ending, complete=complete)
        loader.begin()
        loader.take(pieces)
        loader.end()


def load_over(
    opened: Callable[[], AbstractContextManager[psycopg.Connection]],
    pieces: Iterable[Piece],
    builds: Builds,
    *,
    complete: bool,
) -> None:
    """As `load`, over connections that are made for it: one, and those that the builds ask for."""

    def filled(link: psycopg.Connection, pieces: Iterable[Piece]) -> None:
        load(link, pieces, complete=True)

    with lanes_of(opened, builds, load=filled if complete else None) as lanes, opened() as link:
        load(link, pieces, complete=complete, lanes=lanes)


class _Loader:
    def __init__(
        self, connection: psycopg.Connection, lanes: Lanes | None, ending: Ending | None, *, complete: bool
    ) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._lanes = lanes
        self._ending = ending
        self._reached = 0
        self._complete = complete
        self._hurried = lanes is not None or not complete
        self._batch = _Batch()
        self._slots = int(query(connection, _LOCK_SLOTS)[0][0] or 0)
        self._together = max(1, self._slots // 16) if complete else 1
        self._since = 0
        self._crowded = False
        self._sent = False  # in this transaction
        self._fresh = Fresh()

    def begin(self) -> None:
        if self._hurried:
            self._own(b"SET synchronous_commit TO off")
        if self._complete:
            self._own(b"BEGIN")
        self._sent = False

    def end(self) -> None:
        self.flush()
        if self._lanes is not None:
            self._lanes.finish()
        if self._ending is not None:
            self._ending(None)
        if self._complete:
            self._commit()
        if self._hurried:  # a commit that waits for the disk takes all earlier ones with it
            self._own(b"SET synchronous_commit TO on")
            self._own(b"SELECT pg_catalog.txid_current()")

    def take(self, pieces: Iterable[Piece]) -> None:
        stream = iter(pieces)
        for piece in stream:
            match piece:
                case Statement():
                    if self._lanes is not None and self._elsewhere(piece, self._lanes):
                        continue
                    if self._crowded and _BETWEEN.match(piece.sql):
                        self._part()
                    self._fresh.take(piece.sql)
                    self._add(piece.sql, Sent(piece.sql[:PEEK], piece.line))
                    self._reached = piece.line
                    if _ALONE.match(piece.sql[:PEEK]):
                        self.flush()
                case DataBegin(copy=True):
                    self.flush()
                    self._copy(piece, stream)
                case DataBegin():
                    if self._lanes is not None:
                        self._lanes.drain()
                    self._fresh.fill(piece)
                    self._add(_whole(piece, stream), Sent(piece.sql[:PEEK], piece.line, rows=True))
                    self._reached = piece.line
                case _:
                    pass  # comments, and what was meant for a client program

    def _add(self, sql: bytes, sent: Sent) -> None:
        batch = self._batch
        if batch.size + len(sql) > BATCH or len(batch.texts) >= self._together:
            self.flush()
            batch = self._batch
        batch.texts.append(sql)
        batch.sent.append(sent)
        batch.size += len(sql)

    def flush(self) -> None:
        batch = self._batch
        if not batch.texts:
            return
        self._batch = _Batch()
        # The line feed ends a line comment that a statement may end with.
        results = self._execute(b"\n;\n".join(batch.texts))
        failed = next((i for i, r in enumerate(results) if r.status == pq.ExecStatus.FATAL_ERROR), None)
        if failed is not None:
            raise failure(error(results[failed]), batch.sent[min(failed, len(batch.sent) - 1)])
        if results[-1].status == pq.ExecStatus.COPY_IN:
            raise StatementFailed(f"line {batch.sent[-1].line}: COPY without its data")
        if self._complete:
            self._check_transaction(batch.sent[-1])
            self._since += len(batch.sent)
            if self._since >= self._together:
                self._since = 0
                self._crowded = int(query(self._connection, _LOCKS_HELD)[0][0] or 0) > self._slots // 2

    def _elsewhere(self, piece: Statement, lanes: Lanes) -> bool:
        """Whether the statement is one of the lanes'; what is not, comes after all that they have begun."""
        builds = lanes.turn(piece)
        if builds is not None:
            self._build(builds, lanes)
            return True
        if not lanes.idle and not _BESIDE.match(piece.sql):
            lanes.finish()
        return False

    def _build(self, builds: list[Build], lanes: Lanes) -> None:
        if builds:
            self._part()
            lanes.begin(builds)
        lanes.check()

    def _part(self) -> None:
        """Ends the transaction and begins another: its locks fill the lock table, or are in a lane's way."""
        self.flush()
        if self._ending is not None:
            self._ending(self._reached)
        self._commit()
        self._own(b"BEGIN")
        self._fresh.parted()
        self._crowded = self._sent = False

    def _commit(self) -> None:
        """Ends the transaction; constraints that were deferred are checked now."""
        try:
            self._own(b"COMMIT")
        except psycopg.IntegrityError as exc:
            message = exc.diag.message_primary
            raise StatementFailed(f"at the transaction's end: {message} (SQLSTATE {exc.sqlstate})") from None

    def _check_transaction(self, sent: Sent) -> None:
        if self._pgconn.transaction_status != pq.TransactionStatus.INTRANS:
            raise StatementFailed(
                f"line {sent.line}: {shown(sent.head)}: the dump ends the transaction that it is loaded in"
            )

    def _copy(self, begin: DataBegin, stream: Iterator[Piece]) -> None:
        if self._lanes is not None:
            rows = _held(stream)
            if self._beside(begin, rows, self._lanes):
                return
            stream = chain(rows, stream)
        sent = Sent(begin.sql[:PEEK], begin.line, rows=True)
        [result] = self._execute(self._frozen(begin))
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise failure(error(result), sent)
        if result.status != pq.ExecStatus.COPY_IN:
            raise StatementFailed(f"line {begin.line}: {shown(begin.sql)}: the server takes no data for it")
        first: int | None = None
        work = 0
        for piece in stream:
            if isinstance(piece, Rows):
                work += work_of(len(piece.text), piece.count)
                if self._lanes is not None:
                    self._lanes.check()
                first = piece.line if first is None else first
                self._connection.wait(blocks(self._pgconn, piece.text))
            elif isinstance(piece, DataEnd):
                self._end_copy(begin, piece, begin.line + 1 if first is None else first)
                self._reached = begin.line
                if self._lanes is not None:
                    self._build(self._lanes.filled(begin, work), self._lanes)
                return
        raise AssertionError("data without its end")

    def _beside(self, begin: DataBegin, rows: tuple[Piece, ...], lanes: Lanes) -> bool:
        """Has a lane load all rows of a table that are few, where none of them has to do with another's."""
        work = sum(work_of(len(piece.text), piece.count) for piece in rows if isinstance(piece, Rows))
        given = work >= FEW and isinstance(rows[-1], DataEnd) and lanes.takes(begin)
        if not (given or lanes.filling):
            return False
        name = self._fresh.name(begin)
        if name is None or not query(self._connection, _BY_ITSELF % literal(name)):
            lanes.drain()
            return False
        if not given:
            return False
        if self._sent:
            self._part()  # so that the lane sees the table
        self._fresh.fill(begin)
        self._reached = begin.line
        lanes.fill(begin, (replace(begin, lone=True), *rows), work)
        return True

    def _frozen(self, begin: DataBegin) -> bytes:
        """The COPY as it is sent; its table is made new in this transaction if it was made in an earlier."""
        if not self._complete:
            return begin.sql
        table = self._fresh.fill(begin)
        if table is not None and self._emptied(table):
            self._fresh.emptied(begin)
        return self._fresh.frozen(begin)

    def _emptied(self, table: bytes) -> bool:
        """Whether the table has no row, and so was emptied in this transaction; else nothing was done."""
        results = self._execute(_LOOK % (table, table))
        if results[-1].status == pq.ExecStatus.TUPLES_OK and results[-1].ntuples == 0:
            results = self._execute(_EMPTY % table)
            if results[-1].status == pq.ExecStatus.COMMAND_OK:
                return True
        failed = results[-1].status == pq.ExecStatus.FATAL_ERROR
        if failed and error(results[-1]).sqlstate not in _NOT_EMPTIED:
            raise error(results[-1])
        self._own(b"ROLLBACK TO SAVEPOINT " + _MARK)
        self._own(b"RELEASE SAVEPOINT " + _MARK)
        return False

    def _end_copy(self, begin: DataBegin, end: DataEnd, first: int) -> None:
        try:
            result = self._connection.wait(generators.copy_end(self._pgconn, None))
        except psycopg.Error as exc:
            if exc.sqlstate is None:
                raise
            row = _COPY_ROW.search(exc.diag.context or "")
            line = begin.line if row is None else first + int(row[1]) - 1
            raise failure(exc, Sent(begin.sql[:PEEK], line, rows=True)) from None  # it quotes the row
        stored = result.command_tuples
        if end.rows is not None and stored != end.rows:
            raise FactsDiffer(
                f"table {begin.table}: the dump has {end.rows} rows, the server stored {stored}"
                f" (COPY in line {begin.line})"
            )

    def _execute(self, sql: bytes) -> list[PGresult]:
        self._sent = True
        self._pgconn.send_query(sql)
        return self._connection.wait(generators.execute(self._pgconn))

    def _own(self, sql: bytes) -> None:
        [result] = self._execute(sql)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise error(result)


def _held(stream: Iterator[Piece]) -> tuple[Piece, ...]:
    """The pieces up to the data's end, or as many as are held."""
    held: list[Piece] = []
    size = 0
    for piece in stream:
        held.append(piece)
        size += len(piece.text)
        if isinstance(piece, DataEnd) or size > MANY:
            break
    return tuple(held)


def _whole(begin: DataBegin, stream: Iterator[Piece]) -> bytes:
    """An INSERT with its rows, as one statement."""
    texts = [begin.sql, b" "]
    for piece in stream:
        if isinstance(piece, Rows):
            texts.append(piece.text)
        elif isinstance(piece, DataEnd):
            texts.append(piece.text.rstrip().removesuffix(b";"))
            return b"".join(texts)
    raise AssertionError("data without its end")
