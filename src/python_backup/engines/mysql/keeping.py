"""A database that is being filled from parts says in a table of its own which of them are in.

The rows of a part are one transaction, and its line is written in it. What comes after the rows (triggers and
events: each statement ends what went before) is done anew from its beginning where it was cut. Tables without
transactions may hold rows of a part that is not in; where the server takes no such rows in a transaction
(enforce_gtid_consistency), so may the tables before them in the same part. Who counts them finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Statement
from python_backup.engines.mysql import making, sessions
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import events
from python_backup.engines.mysql.filling import Filling
from python_backup.engines.mysql.survey import KEEPING
from python_backup.engines.parts import Done, Later, Record
from python_backup.model import label

_PATIENCE = 600.0
"""Seconds that the server may take to undo a part's rows."""

_TABLE = quoted(KEEPING)


@dataclass(frozen=True, slots=True)
class MysqlKeeping:
    """See `python_backup.engines.parts.Keeping`."""

    filling: Filling

    def record(self) -> Record | None:
        """What the table says."""
        with closing(self.filling.opened()) as session:
            there = session.value(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
                self.filling.database,
                KEEPING,
            )
            found = session.rows(f"SELECT * FROM {_TABLE}") if there else []
        of = next((name for name, begins, *_ in found if begins), None)
        if of is None:  # cut while it was made
            return None
        # another version's table may have other columns: it is refused for ``of``
        later = sorted((name, *further) for name, _, *further in found if further and further[0] is not None)
        files = {
            name: Done(whole=True) for name, begins, *further in found if not begins and not any(further)
        }
        return Record(of, files, tuple(Later(table, definition) for _, table, definition in later))

    def alone(self) -> None:
        """Ends the others; the server rolls back what they had not committed."""
        with closing(self.filling.opened()) as session:
            own = (sessions.number_of(session),)
            sessions.end(session, self.filling.database, own, _PATIENCE)

    def begin(self, of: str, later: tuple[Later, ...] = ()) -> None:
        """Makes the table; that it is whole, its last line says."""
        with closing(self.filling.opened()) as session:
            session.rows(
                f"CREATE TABLE {_TABLE} (file VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
                " PRIMARY KEY, begins BOOLEAN NOT NULL, keys_of VARCHAR(64) CHARACTER SET utf8mb4,"
                " definition LONGBLOB) ENGINE=InnoDB"
            )
            for number, one in enumerate(later):
                session.rows(
                    f"INSERT INTO {_TABLE} VALUES (%s, FALSE, %s, %s)",
                    f"keys {number:06}", one.table, one.definition,
                )  # fmt: skip
            session.rows(f"INSERT INTO {_TABLE} (file, begins) VALUES (%s, TRUE)", of)

    def load(self, file: str, pieces: Iterable[Piece], done: Done, builds: Builds = NO_BUILDS) -> None:
        """Sends the part in one transaction, and its line in the table at its end."""
        del done, builds  # what is not whole is not there

        def then(session: Session) -> None:
            session.rows(f"INSERT INTO {_TABLE} (file, begins) VALUES (%s, FALSE)", file)
            session.rows("COMMIT")

        self.filling.load(_by_themselves(pieces, self._refused_in_transactions()), then=then)

    def _refused_in_transactions(self) -> frozenset[str]:
        """The tables without transactions, where the server takes no row of them in one (error 1785)."""
        with closing(self.filling.opened()) as session:
            enforced = session.rows("SHOW GLOBAL VARIABLES LIKE 'enforce_gtid_consistency'")
            if not any(value == "ON" for _, value in enforced):
                return frozenset()
            found = session.rows(
                "SELECT t.table_name FROM information_schema.tables t JOIN information_schema.engines e"
                " ON e.engine = t.engine WHERE t.table_schema = %s AND e.transactions <> 'YES'",
                self.filling.database,
            )
        return frozenset(label(name) for (name,) in found)

    def clear(self) -> None:
        """Drops the triggers and events."""
        database = self.filling.database
        with closing(self.filling.opened()) as session:
            making.drop_triggers(session, database)
            for event in events(session, database):
                making.drop(session, database, event)

    def end(self) -> None:
        """Drops the table."""
        with closing(self.filling.opened()) as session:
            session.rows(f"DROP TABLE IF EXISTS {_TABLE}")


def _by_themselves(pieces: Iterable[Piece], tables: frozenset[str]) -> Iterator[Piece]:
    """The same pieces; rows of these tables are no part of the transaction around them."""
    out = False
    for piece in pieces:
        if isinstance(piece, DataBegin) and piece.table in tables:
            out = True
            yield _statement(b"SET SESSION autocommit = 1", piece.line)
        yield piece
        if isinstance(piece, DataEnd) and out:
            out = False
            yield _statement(b"SET SESSION autocommit = 0", piece.line)


def _statement(sql: bytes, line: int) -> Statement:
    return Statement(sql + b";\n", line, sql)
