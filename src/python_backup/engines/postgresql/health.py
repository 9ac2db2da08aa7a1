"""What a PostgreSQL server tells of itself before anything is dumped or restored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from python_backup.engines.postgresql import rights
from python_backup.engines.postgresql.connection import query, text
from python_backup.engines.reach import each
from python_backup.model import Check, Verdict

_SHORT = 300.0
_LATE = 3600.0
_SHOWN = 3


CHECKS = ("row-level security", "unlogged tables", "replication")
"""The names of the checks of a database and of a server."""


@dataclass(frozen=True, slots=True)
class Look:
    """One server, or the database that the connection is to; the connection's errors are psycopg's."""

    connection: psycopg.Connection

    def of_server(self) -> Iterator[Check]:
        """The server's checks, in their order."""
        return each({"replication": self.replication})

    def of_database(self) -> Iterator[Check]:
        """The database's checks, in their order."""
        return each({"row-level security": self.row_security, "unlogged tables": self.unlogged})

    def _rows(self, sql: str) -> list[tuple[str, ...]]:
        return [tuple(text(value) for value in row) for row in query(self.connection, sql.encode())]

    def _standby(self) -> bool:
        return self._rows("SELECT pg_catalog.pg_is_in_recovery()") == [("t",)]

    def replication(self) -> Check:
        """Whether this is a standby, whose conflicts end a dump."""
        if not self._standby():
            return Check("replication", Verdict.OK, "no standby")
        [(feedback, delay, paused, behind)] = self._rows(_STANDBY)
        late = float(behind or 0)
        if paused == "t":
            found = "a standby that stands still: its replay is paused"
            return Check("replication", Verdict.WARNING, found, "SELECT pg_wal_replay_resume()")
        if feedback != "on" and 0 <= float(delay) < _SHORT:
            return Check(
                "replication", Verdict.WARNING,
                "a standby with hot_standby_feedback off and max_standby_streaming_delay"
                f" {float(delay):g} s: a longer dump is canceled by conflicts",
                "ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf()",
            )  # fmt: skip
        verdict = Verdict.WARNING if late > _LATE else Verdict.OK
        return Check("replication", verdict, f"a standby, its last transaction {late:.0f} s old")

    def row_security(self) -> Check:
        """Rows that the account does not see."""
        hidden = [lack for lack in rights.lacks(self.connection) if lack.kind == rights.ROWS]
        if not hidden:
            return Check("row-level security", Verdict.OK, "hides nothing from the account")
        found = "; ".join(lack.what for lack in hidden)
        return Check("row-level security", Verdict.FAILURE, found, hidden[0].remedy)

    def unlogged(self) -> Check:
        """Tables whose rows a standby does not have."""
        found = [name for (name,) in self._rows(_UNLOGGED)]
        if not found:
            return Check("unlogged tables", Verdict.OK, "no unlogged table")
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if found[_SHOWN:] else "")
        if not self._standby():
            return Check("unlogged tables", Verdict.OK, f"dumped with their rows: {shown}")
        return Check(
            "unlogged tables", Verdict.FAILURE, f"a standby has no rows of unlogged tables: {shown}",
            f"ALTER TABLE {found[0]} SET LOGGED",
        )  # fmt: skip


_STANDBY = """
SELECT pg_catalog.current_setting('hot_standby_feedback'),
       (SELECT setting::numeric / 1000 FROM pg_catalog.pg_settings
        WHERE name = 'max_standby_streaming_delay'),
       pg_catalog.pg_is_wal_replay_paused(),
       extract(epoch FROM pg_catalog.now() - pg_catalog.pg_last_xact_replay_timestamp())"""

_UNLOGGED = """
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 1"""
