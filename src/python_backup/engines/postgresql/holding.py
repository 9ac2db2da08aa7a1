"""Locks of a target's name on the server: one run at a time works on it, from whatever machine.

An advisory lock belongs to its session. Of a program that was killed the server ends an idle session at
once, and a busy one when its statement has ended: while the lock is held, the dead run may still change
something. Advisory locks are of one database: all of a target's runs take them in the same one.
"""

from __future__ import annotations

import hashlib
from time import monotonic, sleep

import psycopg

from python_backup.engines.postgresql.connection import converting, query, text
from python_backup.errors import Refused

_WORK = "work"
"""Held by whoever restores, rolls back or settles a target, from the beginning to the end."""

_SWAP = "swap"
"""Held by the connection that renames: its transaction goes on when its program is killed."""

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 60.0
_PULSE = 0.05

_TRY = b"SELECT pg_catalog.pg_try_advisory_lock($1::int4, $2::int4)"
_GIVE_BACK = b"SELECT pg_catalog.pg_advisory_unlock($1::int4, $2::int4)"
_HOLDER = b"""
SELECT l.pid, coalesce(a.state, 'idle') FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND l.classid = ($1::int8 & 4294967295)::oid AND l.objid = ($2::int8 & 4294967295)::oid"""


def hold(link: psycopg.Connection, target: str) -> None:
    """Lets this session alone work on the target, until it ends; a swap of a killed run has ended then.

    Raises:
        Refused: another session does, and goes on.
    """
    _take(link, target, _WORK)
    hold_swap(link, target)
    with converting(f"the lock of {target!r} cannot be given back"):
        query(link, _GIVE_BACK, *_keys(_SWAP, target))


def hold_swap(link: psycopg.Connection, target: str) -> None:
    """Lets this session alone give the target's name to another database, until it ends.

    Raises:
        Refused: another session does, and goes on.
    """
    _take(link, target, _SWAP)


def _take(link: psycopg.Connection, target: str, what: str) -> None:
    """Waits for one who is at a statement: its program may have been killed amid it.

    When the statement has ended, such a session is idle for a moment, and has its lock.
    """
    begun = last_busy = monotonic()
    keys = _keys(what, target)
    with converting(f"the lock of {target!r} cannot be taken"):
        while query(link, _TRY, *keys) != [(b"t",)]:
            found = query(link, _HOLDER, *keys)
            seen = monotonic()
            if any(state != b"idle" for _, state in found):
                last_busy = seen
            if found and (seen - last_busy > _IDLE_SECONDS or seen - begun > _BUSY_SECONDS):
                pid = text(found[0][0])
                raise Refused(
                    f"another run works on {target!r} just now, in the server's process {pid}",
                    hint="Wait for its end; if its machine is gone, end its session:"
                    f" SELECT pg_terminate_backend({pid}).",
                )
            sleep(_PULSE)


def _keys(what: str, target: str) -> tuple[bytes, bytes]:
    """Two numbers of four bytes: the first says which program's and which lock, the second whose."""
    texts = (f"vya-backupdb {what}".encode(), target.encode("utf-8", "surrogateescape"))
    first, second = (int.from_bytes(hashlib.sha256(t).digest()[:4], "big", signed=True) for t in texts)
    return str(first).encode(), str(second).encode()
