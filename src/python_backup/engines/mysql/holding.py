"""Locks of a target's name on the server: one run at a time works on it, from whatever machine.

A lock belongs to its session. Of a program that was killed the server ends an idle session at once, and a
busy one when its statement has ended: while the lock is held, the dead run may still change something.
"""

from __future__ import annotations

import hashlib
import time

from python_backup.engines.mysql.connection import Session
from python_backup.errors import Refused

_WORK = "work"
"""Held by whoever restores, rolls back or settles a target, from the beginning to the end."""

_SWAP = "swap"
"""Held by the session that moves the tables: its statement goes on when its program is killed."""

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 60.0
_PULSE = 0.05


def hold(session: Session, target: str) -> None:
    """Lets this session alone work on the target, until it ends; a swap of a killed run has ended then.

    Raises:
        Refused: another session does, and goes on.
    """
    _take(session, target, _WORK)
    hold_swap(session, target)
    session.value("SELECT RELEASE_LOCK(%s)", _name(_SWAP, target))


def hold_swap(session: Session, target: str) -> None:
    """Lets this session alone give the target's name to another database, until it ends.

    Raises:
        Refused: another session does, and goes on.
    """
    _take(session, target, _SWAP)


def _take(session: Session, target: str, what: str) -> None:
    """Waits for one who is at a statement: its program may have been killed amid it.

    When the statement has ended, such a session is idle for a moment, or listed no more, and has its lock.
    """
    begun = last_busy = time.monotonic()
    name = _name(what, target)
    while session.value("SELECT GET_LOCK(%s, 0)", name) != 1:
        number = session.value("SELECT IS_USED_LOCK(%s)", name)
        seen = time.monotonic()
        if _is_busy(session, number):
            last_busy = seen
        if number is not None and (seen - last_busy > _IDLE_SECONDS or seen - begun > _BUSY_SECONDS):
            raise Refused(
                f"another run works on {target!r} just now, in session {number}",
                hint=f"Wait for its end; if its machine is gone, end its session: KILL {number}.",
            )
        time.sleep(_PULSE)


def swapping(session: Session, target: str) -> int | None:
    """The number of the session that gives the target's name away just now."""
    found = session.value("SELECT IS_USED_LOCK(%s)", _name(_SWAP, target))
    return None if found is None else int(found)


def _is_busy(session: Session, number: int | None) -> bool:
    sql = "SELECT command FROM information_schema.processlist WHERE id = %s"
    return number is not None and session.value(sql, number) not in (None, "Sleep")


def _name(what: str, target: str) -> str:
    """At most 64 characters (MySQL Reference Manual, "Locking Functions")."""
    return f"vya-backupdb {what} {hashlib.sha256(target.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"
