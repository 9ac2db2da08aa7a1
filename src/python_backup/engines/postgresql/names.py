"""How long a name may be: the server cuts longer ones without an error."""

from __future__ import annotations

from python_backup.errors import Refused

LONGEST = 63
"""Bytes of a name (NAMEDATALEN - 1)."""


def fits(name: str) -> bool:
    """Whether the server keeps a name of this length whole."""
    return len(name.encode("utf-8", "surrogateescape")) <= LONGEST


def check_length(name: str) -> None:
    """Raises `Refused` where the server would cut the name."""
    if not fits(name):
        raise Refused(
            f"database name {name!r} has {len(name.encode())} bytes, PostgreSQL takes {LONGEST}",
            hint="Choose a shorter name with --target.",
        )
