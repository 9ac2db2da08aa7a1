"""Keys of large tables, taken off before the rows come and made again behind them.

A row's place in a secondary index is anywhere: where the index is larger than the buffer pool, each row reads
and writes a page of it. One ALTER TABLE sorts all entries first. What the server shows of a table before its
keys are taken off is what it must show of it in the end.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from python_backup.dump.mysql.later import Key, alike, keys_for_later, missing
from python_backup.engines.mysql import sessions
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import PLAIN
from python_backup.engines.mysql.load import HINTS
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.parts import Later
from python_backup.errors import ConnectionFailed, FactsDiffer, StatementFailed, ToolFailed
from python_backup.model import label

LEAST = 8 << 20
"""Bytes of a table in the dump from which on it pays."""

_IN_PLACE = b", ALGORITHM=INPLACE, LOCK=SHARED"
_COPIED = b", ALGORITHM=COPY"
"""Slower, in the table's own folder, and possible for all."""

_AGAIN = {
    **dict.fromkeys((3, 1026, 1030, 1114, 1206, 1845, 1846, 1878, 3059), _COPIED),
    1213: _IN_PLACE,
}
"""How it is tried once more, by the server's error number.

There is no room for temporary files, which may lie elsewhere than tables, or it goes not in place; or another
ALTER, of a table with a foreign key to this one, was in the way (a deadlock).
"""


@dataclass(slots=True)
class MysqlLaterKeys:
    """See `python_backup.engines.parts.LaterKeys`; ``opened`` makes sessions in the database."""

    opened: Callable[[], Session]
    database: str
    _busy: set[int] = field(default_factory=set)
    _ended: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def take_off(self, sizes: Mapping[str, int]) -> tuple[Later, ...]:
        """Takes plain keys off empty InnoDB tables; a table that the server leaves as it is, is left so."""
        large = {name: size for name, size in sizes.items() if size >= LEAST}
        if not large:
            return ()
        with closing(self.opened()) as session:
            session.rows(f"{PLAIN}, foreign_key_checks = 1")
            if _clustered(session):
                return ()
            tables = sorted(_tables(session, self.database), key=lambda name: -large.get(label(name), 0))
            needed = _needed(session, self.database)
            wanted = [table for table in tables if label(table) in large]
            taken = (_taken_off(session, table, needed[table]) for table in wanted)
            return tuple(later for later in taken if later is not None)

    def make(self, later: Later) -> None:
        """Makes those keys of the table that are not there.

        Raises:
            StatementFailed: the server refused it, and the slower way, too.
            FactsDiffer: the table is not as it was before its keys were taken off.
        """
        with self._session() as session:
            session.rows(PLAIN)
            present = _shown(session, later.table)
            keys = missing(later.definition, present)
            if keys:
                _added(session, later.table, keys)
                present = _shown(session, later.table)
            if not alike(present, later.definition):
                raise FactsDiffer(
                    f"table {label(later.table)}: with its keys, the server shows another definition"
                    " than before they were taken off"
                )

    def stop(self) -> None:
        """Ends the sessions, and with them what the server does for them."""
        with self._turn:
            self._ended = True
            busy = tuple(self._busy)
        if not busy:
            return
        # where the server is out of reach, what it does ends by itself
        with suppress(ConnectionFailed), closing(self.opened()) as session:
            for number in busy:
                sessions.kill(session, number)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with closing(self.opened()) as session:
            number = sessions.number_of(session)
            with self._turn:
                if self._ended:
                    raise ToolFailed("another part could not be loaded")
                self._busy.add(number)
            try:
                yield session
            finally:
                with self._turn:
                    self._busy.discard(number)


def _clustered(session: Session) -> bool:
    """Whether an ALTER TABLE would hold up all nodes of a cluster while it lasts (Galera)."""
    return any(value == "ON" for _, value in session.rows("SHOW VARIABLES LIKE 'wsrep\\_on'"))


def _tables(session: Session, database: str) -> list[str]:
    """InnoDB's tables, but for temporary, system-versioned and partitioned ones."""
    return [
        name
        for (name,) in session.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
            " AND table_type = 'BASE TABLE' AND engine = 'InnoDB'"
            " AND COALESCE(create_options, '') NOT LIKE '%%partitioned%%' ORDER BY table_name",
            database,
        )
    ]


def _needed(session: Session, database: str) -> Mapping[str, set[str]]:
    """By table the columns of foreign keys, of its own and of those to it; in lower case."""
    needed: dict[str, set[str]] = defaultdict(set)
    for table, column, schema, other, referenced in session.rows(
        "SELECT table_name, column_name, referenced_table_schema, referenced_table_name,"
        " referenced_column_name FROM information_schema.key_column_usage"
        " WHERE table_schema = %s AND referenced_table_name IS NOT NULL",
        database,
    ):
        needed[table].add(column.lower())
        if schema == database:
            needed[other].add(referenced.lower())
    return needed


def _shown(session: Session, table: str) -> bytes:
    session.rows("SET SESSION character_set_results = 'binary'")
    [(_, shown)] = session.rows(f"SHOW CREATE TABLE {quoted(table)}")
    session.rows("SET SESSION character_set_results = utf8mb4")
    return shown.encode() if isinstance(shown, str) else bytes(shown)


def _taken_off(session: Session, table: str, needed: set[str]) -> Later | None:
    definition = _shown(session, table)
    keys = keys_for_later(definition, needed)
    if not keys:
        return None
    dropped = ", ".join(f"DROP KEY {quoted(key.name)}" for key in keys)
    try:
        session.send(f"ALTER TABLE {quoted(table)} {dropped}".encode() + _IN_PLACE)
    except ServerSaid:
        return None  # a foreign key of another database needs it, or a right is missing: it is as before
    return Later(table, definition)


def _added(session: Session, table: str, keys: Sequence[Key]) -> None:
    added = b", ".join(b"ADD " + key.sql for key in keys)
    sql = f"ALTER TABLE {quoted(table)} ".encode() + added
    try:
        try:
            session.send(sql + _IN_PLACE)
        except ServerSaid as exc:
            if exc.code not in _AGAIN:
                raise
            session.send(sql + _AGAIN[exc.code])
    except ServerSaid as exc:
        raise StatementFailed(
            f"table {label(table)}: its keys cannot be made: {exc.reason} ({exc.code})",
            hint=HINTS.get(exc.code),
            transient=exc.transient,
        ) from exc
