"""What the server refused of a dump, and where: line, head of the statement, code; no row data."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
from psycopg.pq.abc import PGresult

from python_backup.engines.postgresql.connection import PASSING
from python_backup.errors import BackupError, ConnectionFailed, NotPermitted, StatementFailed

SHOWN = 200
"""Characters of a failing statement in its error."""

PEEK = 4096
"""Bytes of a statement that are kept for its error."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that was sent, as errors name it; ``rows`` says that it holds data."""

    head: bytes
    line: int
    rows: bool = False


def error(result: PGresult) -> psycopg.Error:
    """What a failed result says, as the driver would raise it."""
    return psycopg.errors.error_from_result(result)


def failure(exc: psycopg.Error, sent: Sent) -> BackupError:
    """What the server refused, where, and why; of data no more than the statement's head."""
    state = exc.sqlstate or "?"
    message = exc.diag.message_primary or "no reason was given"
    if sent.rows and state.startswith("22"):
        message = _without_value(message)
    text = f"line {sent.line}: {shown(sent.head)}: {message} (SQLSTATE {state})"
    if state.startswith(("08", "57P")):
        lost = "Look into the server's log, and run again."
        return ConnectionFailed(text, hint=lost, transient=state != "57P04")  # the database was dropped
    if state == "42501":
        return NotPermitted(text, hint="Restore with a superuser, or grant what the statement needs.")
    return StatementFailed(text, hint=_HINTS.get(state), transient=state in PASSING)


_HINTS = {
    "58P01": "Install the extension's package on the server.",
    "0A000": "Install the extension's package on the server, or restore to a newer server.",
    "42704": "Make what is missing (a role, a tablespace, a collation) on the server, or leave it out.",
    "53100": "The server's disk is full: make room, and run again.",
    "53200": "The server is out of memory or of lock slots: raise max_locks_per_transaction.",
    "22021": "The dump's encoding does not fit the target's: restore into a database of the dump's encoding.",
}


def _without_value(message: str) -> str:
    """A data error's text without the value it quotes: rows may be secret."""
    column = re.match(r'[^"]*column "[^"]*"[^"]*\Z', message)
    cut = message if column else re.split(r"[\"'«„“”]", message, maxsplit=1)[0]
    return cut if cut == message else cut.rstrip(" :") + " (the value is not shown)"


def shown(sql: bytes) -> str:
    """A statement's start on one line, up to its first literal: literals hold data and passwords."""
    head = sql[:PEEK].decode("utf-8", "replace")
    flat = " ".join(head.partition("'")[0].split())
    return flat if len(flat) <= SHOWN and "'" not in head else flat[: SHOWN - 1] + "…"
