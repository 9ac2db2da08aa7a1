"""Sending a dump's pieces to the server, one statement a query, so that no two can hide in one.

The pieces are cut and joined in a thread of their own, which reads ahead while the server works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from python_backup.dump.piece import ClientCommand, Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.engines.mysql import survey
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.lanes import lanes, spread
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import StatementFailed
from python_backup.stream.apart import apart

_SHOWN = 120
_AHEAD = 2
_BATCH = 256 << 10
_HELD = 4 << 20
"""Bytes of a statement that are held; of a longer one, parts are on their way while the next is read."""

_QUERY_COST = 1 << 10
_NOT_LOCKED = 1100
_DEADLOCK = 1213
_DEADLOCKS = 10
"""So often one statement is sent again: each time another session got on."""

_FILE_EXISTS = 1813
_BARRED = re.compile(r"for table '`.*`\.`(.+)`' exists", re.DOTALL)
"""MariaDB's words for a table's file in the way; it is of no table, for then the error would be 1050."""

_HARMLESS = frozenset({"delimiter", "sandbox"})
"""Client commands that a dump tool writes, and that mean nothing without the client."""

_PLAIN_INSERT = re.compile(rb"(?i)INSERT\s+(?:(?:LOW|HIGH)_PRIORITY\s+)?INTO\b")
"""INSERTs that take all of their rows or fail; IGNORE and REPLACE count otherwise."""

_WHOLE_INSERT = re.compile(rb"(?i)(?:INSERT|REPLACE)\s+(?:(?:LOW|HIGH)_PRIORITY\s+|DELAYED\s+)?INTO\b")
"""INSERTs whose values are to arrive as they are; with IGNORE the dump asks for less."""

_ALTERED = {
    1048: "NULL for a column that takes none",
    1264: "a value out of the column's range",
    1265: "a value that is cut short",
    1292: "a value that the column's type does not have",
    1366: "a value that the column's type does not have",
    1406: "a value that is too long",
    1411: "a value that the column's type does not have",
}
"""What a server without strict modes changes and only warns of, by its warning's number.

Such is a TIMESTAMP after 2038 (MariaDB 11.5) on a server that ends there: it would become zeros.
"""

_COLUMN = re.compile(r"(?i) for column (.+? at row \d+)\Z")

_OTHER_TEXT = frozenset(
    {"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI", "ORACLE", "DB2", "MSSQL", "POSTGRESQL", "MAXDB"}
    | {"IGNORE_SPACE", "PIPES_AS_CONCAT"}
)
"""The modes that change how text is read; a combined mode is listed with all that it stands for."""

HINTS = {
    1044: "Grant the account all rights on the target database.",
    1142: "Grant the account all rights on the target database.",
    1153: "Raise max_allowed_packet on the server: SET GLOBAL max_allowed_packet = 1073741824.",
    1227: "Grant SET_ANY_DEFINER (MySQL; SET_USER_ID before 8.2) or SET USER (MariaDB) to the account.",
    1273: "The target server lacks this collation: restore to one that is not older than the source.",
    1115: "The target server lacks this character set: restore to one that is not older than the source.",
    1418: "Run SET GLOBAL log_bin_trust_function_creators = 1 on the server for the restore.",
    1419: "Run SET GLOBAL log_bin_trust_function_creators = 1 on the server for the restore, or grant SUPER.",
    1449: "Create the definer's account first, or restore with definers left out.",
    1071: "Raise innodb_page_size on the server, or shorten the index.",
    1118: "Set innodb_strict_mode = OFF on the server for the restore.",
    1206: "Raise innodb_buffer_pool_size on the server.",
    3105: "The dump gives a value for a generated column: dump again with the server's own client.",
}
"""What helps, by the server's error number."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement ready to be sent. ``rows`` is what the server must say it took; None: do not ask.

    ``then`` is called when the server has taken it. ``more``: the statement goes on in the next one.
    ``table`` is that of its rows, empty where it has none.
    """

    text: bytes | bytearray
    line: int
    shown: bytes
    rows: int | None = None
    then: Callable[[], None] | None = None
    more: bool = False
    table: str = ""


Edited = Callable[[bytes], tuple[bytes, Callable[[], None] | None]]
"""Gives a statement as it is to be sent, and what is to be done when the server has taken it."""


def _as_it_is(sql: bytes) -> tuple[bytes, None]:
    return sql, None


def queries(pieces: Iterable[Piece], *, largest: int, statement: Edited = _as_it_is) -> Iterator[Query]:
    """The statements in the pieces; an INSERT's pieces are joined to one, up to `_HELD` bytes of them.

    Args:
        pieces: In the dump's order.
        largest: The server's max_allowed_packet in bytes; a longer statement is never assembled.
        statement: Called with each, in order.

    Raises:
        StatementFailed: a statement is longer than ``largest``, or a client command is in the dump.
    """
    insert: _Insert | None = None
    for piece in pieces:
        match piece:
            case Rows() if insert is not None:
                insert.add(piece.text, largest)
                if len(insert.text) >= (_BATCH if insert.sent else _HELD):
                    yield insert.part()
            case DataBegin():
                insert = _Insert(piece, bytearray(piece.sql))
            case DataEnd() if insert is not None:
                yield insert.query(piece)
                insert = None
            case Statement():
                if len(piece.sql) >= largest:
                    raise _too_large(piece.line, piece.sql, len(piece.sql), largest)
                sql, then = statement(piece.sql)
                yield Query(sql, piece.line, piece.sql, then=then)
            case ClientCommand() if piece.command not in _HARMLESS:
                raise StatementFailed(f"line {piece.line}: {piece.command!r} is for the mysql program alone")
            case Comment() | ClientCommand():
                pass
            case _:
                raise AssertionError(f"{type(piece).__name__} outside data")


def batches(ready: Iterable[Query]) -> Iterator[list[Query]]:
    """The queries in lists that are worth handing to another thread: of some size, or at the end."""
    batch: list[Query] = []
    size = 0
    for query in ready:
        batch.append(query)
        size += len(query.text) + _QUERY_COST
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@dataclass(slots=True)
class _Insert:
    """An INSERT that is being put together; one row of it may be larger than the memory there is."""

    head: DataBegin
    text: bytearray
    sent: int = 0

    def add(self, text: bytes, largest: int) -> None:
        self.text += text
        if self.sent + len(self.text) >= largest:
            raise _too_large(self.head.line, self.head.sql, self.sent + len(self.text), largest)

    def part(self) -> Query:
        """What there is of it."""
        text, self.text = self.text, bytearray()
        self.sent += len(text)
        return Query(text, self.head.line, self.head.sql, more=True, table=self.head.table)

    def query(self, end: DataEnd) -> Query:
        rows = end.rows if _PLAIN_INSERT.match(self.head.sql) else None
        return Query(self.text, self.head.line, self.head.sql, rows, table=self.head.table)


def load(
    session: Session, pieces: Iterable[Piece], statement: Edited = _as_it_is, beside: Sequence[Session] = ()
) -> None:
    """Sends the pieces to the session's database, each statement as ``statement`` gives it.

    ``beside`` are further sessions, for rows; they are closed at the end.

    The session begins with the sql_mode that the lexer reads by: a server whose own mode turns
    backslashes or double quotes into something else would cut a foreign dump otherwise.

    Raises:
        StatementFailed: the server refused a statement, took fewer rows, or cannot take its size.
        ConnectionFailed: the connection was lost.
    """
    for one in (session, *beside):
        modes = str(one.value("SELECT @@SESSION.sql_mode")).split(",")
        one.rows("SET SESSION sql_mode = %s", ",".join(m for m in modes if m not in _OTHER_TEXT))
    largest = int(session.value("SELECT @@max_allowed_packet"))
    ahead = apart(batches(queries(pieces, largest=largest, statement=statement)), _AHEAD)
    with lanes(beside, send) as made, ahead as ready:
        each = (query for batch in ready for query in batch)
        if made:
            spread(session, each, made, send)
        else:
            send(session, each)


def send(session: Session, ready: Iterable[Query]) -> None:
    """Sends the statements in order and sees that the server took every row.

    Raises:
        StatementFailed: with the statement's line and start, and the server's code; no rows.
        ConnectionFailed: the connection was lost.
    """
    stream = iter(ready)
    for query in stream:
        try:
            taken = _sent(session, query.text) if not query.more else _streamed(session, query, stream)
        except ServerSaid as exc:
            raise StatementFailed(
                f"line {query.line}: {_shown(query.shown)}: {exc.reason} ({exc.code})",
                hint=HINTS.get(exc.code),
                transient=exc.transient,
            ) from exc
        if query.rows is not None and taken != query.rows:
            raise _fewer(query, taken)
        if _WHOLE_INSERT.match(query.shown):
            _refuse_altered(session, query)
        if query.then is not None:
            query.then()


def _refuse_altered(session: Session, query: Query) -> None:
    """A value that the server changed would make another table than the dump's, and nothing would tell."""
    code, reason = session.altered() or (0, "")
    if code in _ALTERED:
        where = _COLUMN.search(reason)
        raise StatementFailed(
            f"line {query.line}: {_shown(query.shown)}: the server would change {_ALTERED[code]}"
            f"{f' (column {where[1]})' if where else ''} ({code})",
            hint="Restore to a server that is not older than the dump's, or leave the table out.",
        )


def _streamed(session: Session, first: Query, rest: Iterator[Query]) -> int:
    """Sends a statement whose parts are not held together, and so not a second time."""
    session.send(b"UNLOCK TABLES")  # see `_sent`

    def parts() -> Iterator[bytes | bytearray]:
        part = first
        yield part.text
        while part.more:
            part = next(rest)
            yield part.text
        ends.append(part)

    ends: list[Query] = []
    taken = session.send_parts(parts())
    if ends[0].rows is not None and taken != ends[0].rows:
        raise _fewer(ends[0], taken)
    return taken


def _fewer(query: Query, taken: int) -> StatementFailed:
    return StatementFailed(
        f"line {query.line}: {_shown(query.shown)}: the server took {taken} of {query.rows} rows"
    )


def _sent(session: Session, text: bytes | bytearray) -> int:
    """Sends one statement; a second time when what was in the way is gone: the dump's locks, or a file.

    mariadb-dump locks a table, but not the sequence that its DEFAULT takes a value from: so its own
    client cannot restore it.
    """
    try:
        return _sent_through_deadlocks(session, text)
    except ServerSaid as exc:
        barred = _BARRED.search(exc.reason) if exc.code == _FILE_EXISTS else None
        if exc.code != _NOT_LOCKED and barred is None:
            raise
    if barred is None:
        session.send(b"UNLOCK TABLES")
    else:
        _free(session, barred[1].replace("``", "`"))
    return session.send(text)


def _sent_through_deadlocks(session: Session, text: bytes | bytearray) -> int:
    """Sends one statement, and again where a deadlock undid it and nothing besides.

    MariaDB from 10.6 on locks a whole table for the first rows of an empty one (without ``unique_checks``),
    so that of two parts of a table that begin at the same time one is undone.
    """
    for _ in range(_DEADLOCKS):
        alone = not session.amid
        try:
            return session.send(text)
        except ServerSaid as exc:
            if exc.code != _DEADLOCK or not alone:
                raise
    return session.send(text)


def _free(session: Session, table: str) -> None:
    """Removes the file of a table that the server does not know: MariaDB 10.5 leaves it when it crashes.

    A table without a file takes the name, and the file goes with it.
    """
    own = quoted(survey.FREEING)
    session.rows(f"DROP TABLE IF EXISTS {own}")
    session.rows(f"CREATE TABLE {own} (n INT) ENGINE=InnoDB")
    session.rows(f"ALTER TABLE {own} DISCARD TABLESPACE")
    session.rows(f"RENAME TABLE {own} TO {quoted(table)}")
    session.rows(f"DROP TABLE {quoted(table)}")


def _too_large(line: int, sql: bytes, length: int, largest: int) -> StatementFailed:
    return StatementFailed(
        f"line {line}: {_shown(sql)}: the statement has at least {length:,} bytes,"
        f" the server's max_allowed_packet is {largest:,}",
        hint="Raise it on the server: SET GLOBAL max_allowed_packet = 1073741824.",
    )


def _shown(sql: bytes) -> str:
    flat = " ".join(sql[: 4 * _SHOWN].decode("utf-8", "replace").split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"
