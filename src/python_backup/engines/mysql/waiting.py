"""Whether a dump that writes nothing waits for a lock: the dump tools themselves set no bound for that.

Only MySQL's newest mysqldump can be told ``lock_wait_timeout``, MariaDB's none; the servers' own is a day
(MariaDB) or a year (MySQL). So another session of the same account, which sees its own sessions without
any right, asks what the dump's is doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from python_backup.engines.mysql.connection import Session, open_session
from python_backup.errors import ServerError, ToolFailed
from python_backup.instance import Instance

_WAITING = (
    "SELECT time, state FROM information_schema.processlist"
    " WHERE id <> CONNECTION_ID() AND user = SUBSTRING_INDEX(USER(), '@', 1) AND db = %s"
    " AND command = 'Query' AND state LIKE 'Waiting for %%' AND time >= %s ORDER BY time DESC LIMIT 1"
)


@contextmanager
def lock_watch(instance: Instance, database: str) -> Iterator[Callable[[float], None]]:
    """Something to call with the seconds for which a dump has written nothing.

    Raises (when called):
        ToolFailed: the dump has waited for a lock as long as ``limits.lock`` says.
    """
    limit = instance.limits.lock
    opened: list[Session] = []

    def look(quiet: float) -> None:
        if limit is None or quiet < limit:
            return
        try:
            if not opened:
                opened.append(open_session(instance))
            found = opened[0].rows(_WAITING, database, int(limit))
        except ServerError:
            return  # it takes no other session: idle_timeout bounds that
        if found:
            seconds, state = found[0]
            raise ToolFailed(
                f"the dump of {database!r} has waited {seconds} s for a lock (lock_timeout {limit:g} s):"
                f" {str(state)[:1].lower()}{str(state)[1:]}",
                hint="End the session that holds it (SHOW PROCESSLIST), or raise lock_timeout in the config.",
                transient=True,
            )

    try:
        yield look
    finally:
        for session in opened:
            session.close()
