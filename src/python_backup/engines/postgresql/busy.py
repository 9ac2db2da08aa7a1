"""How busy a PostgreSQL server is, how far behind its primary, and its standbys behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from python_backup.engines.postgresql.connection import converting, query
from python_backup.engines.postgresql.entering import enter
from python_backup.instance import Busy, Instance

_BUSY = b"""
SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
        WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()),
       greatest(
           CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL
                WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
                ELSE extract(epoch FROM
                             pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) END,
           (SELECT pg_catalog.max(extract(epoch FROM replay_lag)) FROM pg_catalog.pg_stat_replication))"""
"""A standby that has replayed all that it received is not behind, however old its last transaction is.

An account without pg_monitor sees neither the state of others' sessions nor the standbys' lag.
"""


@contextmanager
def gauge(instance: Instance) -> Iterator[Callable[[], Busy]]:
    """See `python_backup.engines.engine.Engine.gauge`."""

    def ask() -> Busy:
        with converting(f"instance {instance.label} does not say how busy it is"):
            [(sessions, lag)] = query(link, _BUSY)
        return Busy(int(sessions or 0), None if lag is None else float(lag))

    with closing(enter(instance)) as link:
        yield ask
