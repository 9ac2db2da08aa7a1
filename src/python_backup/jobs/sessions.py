"""Who else uses a database, passing by those who are just leaving."""

from __future__ import annotations

from time import monotonic, sleep

from python_backup.engines.engine import Server

GRACE = 1.0
"""Seconds for sessions that end by themselves: PostgreSQL lists a closed one for a moment, ours too."""

PULSE = 0.05
"""Seconds between two looks."""


def lasting_sessions(server: Server, database: str) -> tuple[str, ...]:
    """The other sessions of the database that are there when the grace is over, one line each."""
    until = monotonic() + GRACE
    while (others := server.sessions(database)) and monotonic() < until:
        sleep(PULSE)
    return others
