"""How busy a MySQL or MariaDB server is, and how far behind its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from python_backup.engines.mysql.connection import Session, open_session
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import NotPermitted
from python_backup.instance import Busy, Instance

_STATUS = ("SHOW ALL REPLICAS STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS")
"""The first is MariaDB's, for every source; the last that of older servers."""

_LAGS = ("Seconds_Behind_Source", "Seconds_Behind_Master")


@contextmanager
def gauge(instance: Instance) -> Iterator[Callable[[], Busy]]:
    """See `python_backup.engines.engine.Engine.gauge`."""
    with closing(open_session(instance)) as session:
        yield lambda: Busy(_sessions(session), _lag(session))


def _sessions(session: Session) -> int:
    """Threads_running counts the session that asks."""
    [(_, running)] = session.rows("SHOW GLOBAL STATUS LIKE 'Threads_running'")
    return max(0, int(running) - 1)


def _lag(session: Session) -> float | None:
    """The seconds behind the source that is furthest ahead.

    None: no replica, or one that stands still, or the account may not ask.
    """
    for statement in _STATUS:
        try:
            found = session.mappings(statement)
        except (ServerSaid, NotPermitted):
            continue
        behind = [row[key] for row in found for key in _LAGS if row.get(key) is not None]
        return max(map(float, behind), default=None)
    return None
