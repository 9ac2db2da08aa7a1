"""Who else uses a database: the process list's rows that have it as their own."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from python_backup.engines.mysql.connection import Session
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.rights import read
from python_backup.errors import NotPermitted, Refused

_PATIENCE = 5.0
_LEAVING = 1.0
_NO_SUCH_SESSION = 1094


@dataclass(frozen=True, slots=True)
class Other:
    """One session of somebody else."""

    number: int
    account: str
    program: str
    seconds: int
    doing: str

    def __str__(self) -> str:
        """One line: account, program, from where, since when."""
        program = f" ({self.program})" if self.program else ""
        since = timedelta(seconds=self.seconds)
        return f"{self.account}{program}, session {self.number}, {self.doing} for {since}"


def others(session: Session, database: str, own: Collection[int]) -> tuple[Other, ...]:
    """The sessions that have the database as their own, but for the numbers in ``own``."""
    programs = _programs(session)
    found = session.rows(
        "SELECT id, user, host, db, command, time FROM information_schema.processlist WHERE db IS NOT NULL"
    )
    return tuple(
        Other(
            int(number), f"{user}@{host}", programs.get(int(number), ""), max(0, int(seconds or 0)), command
        )
        for number, user, host, db, command, seconds in sorted(found)
        if db == database and int(number) not in own
    )


def _programs(session: Session) -> dict[int, str]:
    try:
        return {
            int(number): name
            for number, name in session.rows(
                "SELECT processlist_id, attr_value FROM performance_schema.session_connect_attrs"
                " WHERE attr_name = 'program_name'"
            )
            if name
        }
    except (NotPermitted, ServerSaid):
        return {}


def may_see_all(session: Session) -> bool:
    """Whether the account sees the sessions of other accounts."""
    rights = read((line for (line,) in session.rows("SHOW GRANTS")), "")
    return rights.has_everywhere("PROCESS")


def number_of(session: Session) -> int:
    """The session's own number."""
    return int(session.value("SELECT CONNECTION_ID()"))


def end(session: Session, database: str, own: Collection[int], patience: float = _PATIENCE) -> None:
    """Ends the others, and waits until they are gone.

    Raises:
        Refused: one could not be ended.
    """
    limit = time.monotonic() + patience
    while left := others(session, database, own):
        for other in left:
            kill(session, other.number)
        if time.monotonic() > limit:
            raise Refused(f"sessions on {database!r} could not be ended: {_listed(left)}")
        time.sleep(0.02)


def kill(session: Session, number: int) -> None:
    """Ends a session; one that has ended by itself is no error."""
    try:
        session.rows(f"KILL {number}")
    except ServerSaid as exc:
        if exc.code != _NO_SUCH_SESSION:
            raise


def refuse(database: str, left: Collection[Other]) -> None:
    """Raises where there are others."""
    if left:
        raise Refused(
            f"{len(left)} other sessions use {database!r}: {_listed(left)}",
            hint="End them, or let --disconnect do it.",
        )


def refuse_lasting(session: Session, database: str, own: Collection[int]) -> None:
    """Raises where others stay: a session that was closed is listed for a moment longer."""
    end = time.monotonic() + _LEAVING
    while (left := others(session, database, own)) and time.monotonic() < end:
        time.sleep(0.05)
    refuse(database, left)


def _listed(left: Collection[Other]) -> str:
    return "; ".join(map(str, left))
