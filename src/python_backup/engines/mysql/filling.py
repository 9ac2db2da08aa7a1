"""Filling a database from a dump, over sessions of its own, whose settings the dump may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass

from python_backup.dump.piece import Piece
from python_backup.engines.mysql import events, load, losses
from python_backup.engines.mysql.connection import Session, open_session
from python_backup.errors import ConnectionFailed, StatementFailed
from python_backup.instance import Instance


@dataclass(frozen=True, slots=True)
class Filling:
    """A database to fill; ``ends_later`` says that the server's time goes on after 2038 (MariaDB 11.5)."""

    instance: Instance
    database: str
    ends_later: bool

    def opened(self) -> Session:
        """A session in the database; parts come in many threads, and each has its own."""
        return open_session(self.instance, self.database)

    def load(
        self, pieces: Iterable[Piece], jobs: int = 1, then: Callable[[Session], object] | None = None
    ) -> None:
        """Sends the pieces; ``then`` ends their transaction; without it each statement is one."""
        with closing(self.opened()) as session, closing(self.opened()) as aside:
            lullaby = events.Lullaby(aside, self.database)
            if then is not None:
                session.rows("SET SESSION autocommit = 0, innodb_lock_wait_timeout = 86400")
            load.load(session, pieces, lullaby.sung, self._beside(jobs))
            events.park(aside, self.database, lullaby.asleep)
            if self.ends_later:
                _refuse_stranded(aside if then is None else session, self.database)
            if then is not None:
                then(session)

    def _beside(self, jobs: int) -> tuple[Session, ...]:
        """Sessions for rows: as many as jobs, or as the server has left; none where one would be alone."""
        opened: list[Session] = []
        with suppress(ConnectionFailed):
            while jobs > 1 and len(opened) < jobs:
                opened.append(self.opened())
        return tuple(opened)


def _refuse_stranded(session: Session, database: str) -> None:
    for table, rows in losses.stranded(session, database).items():
        raise StatementFailed(
            f"table {table}: {rows} rows that are current in the dump, which is of a MariaDB before 11.5,"
            " would be history here",
            hint="Restore to a MariaDB before 11.5, or back up again with mariadb-dump 11.5 or later and"
            " --update-history among the instance's options.",
        )
