"""What a MySQL or MariaDB server tells of itself before anything is dumped or restored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from python_backup.engines.mysql import losses, target
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import is_mariadb
from python_backup.engines.reach import each
from python_backup.errors import NotPermitted
from python_backup.model import Check, Verdict, label

CHECKS = ("transactions", "float columns", "masking policies", "event scheduler", "replication")
"""The names of the checks of a database and of a server."""


@dataclass(frozen=True, slots=True)
class Look:
    """One server, or one database of it, asked through one session."""

    session: Session
    database: str = ""

    def of_server(self) -> Iterator[Check]:
        """The server's checks, in their order."""
        return each(
            {
                "masking policies": self.masking,
                "event scheduler": self.scheduler,
                "replication": self.replication,
            }
        )

    def of_database(self) -> Iterator[Check]:
        """The database's checks, in their order."""
        return each({"transactions": self.transactions, "float columns": self.floats})

    def transactions(self) -> Check:
        """Tables that change while they are dumped."""
        found = self.session.rows(losses.UNPROTECTED, self.database)
        if not found:
            return Check("transactions", Verdict.OK, "every table has transactions")
        shown = [f"{label(table)} ({engine})" for table, engine in found]
        return Check(
            "transactions", Verdict.WARNING,
            f"tables without transactions may change while they are dumped: {_listed(shown)}",
            "; ".join(
                f"ALTER TABLE {quoted(self.database)}.{quoted(table)} ENGINE=InnoDB"
                for table, engine in found[:_SHOWN] if str(engine).lower() in _CONVERTED
            ) or None,
        )  # fmt: skip

    def floats(self) -> Check:
        """Columns whose values a dump rounds."""
        found = self.session.rows(_FLOATS, self.database)
        if not found:
            return Check("float columns", Verdict.OK, "no FLOAT column")
        shown = [label(row[0], row[1]) for row in found]
        return Check(
            "float columns", Verdict.WARNING, f"a dump keeps six digits of FLOAT columns: {_listed(shown)}",
            "; ".join(filter(None, (self._widened(*row) for row in found[:_SHOWN]))) or None,
        )  # fmt: skip

    def _widened(self, table: str, column: str, *about: str | None) -> str:
        """The statement that makes the column a DOUBLE and leaves the rest of it as it is."""
        kind, nullable, default, extra, comment = about
        if extra or kind is None:
            return ""  # computed from others
        return (
            f"ALTER TABLE {quoted(self.database)}.{quoted(table)} MODIFY {quoted(column)}"
            f" {kind.replace('float', 'DOUBLE')}"
            + (" NOT NULL" if nullable == "NO" else "")
            + (f" DEFAULT {default}" if default not in {None, "NULL"} else "")
            + (f" COMMENT {_text(comment)}" if comment else "")
        )

    def masking(self) -> Check:
        """Whether the account sees the column masking policies that a dump holds."""
        if is_mariadb(self.session) or not re.match(r"9\.([7-9]|\d\d)|\d\d", self.session.version):
            return Check("masking policies", Verdict.OK, "this version has none")
        if not losses.masking_hidden(self.session):
            return Check("masking policies", Verdict.OK, "can be read")
        who = target.quoted_account(target.current_account(self.session))
        return Check(  # a server without them refuses that GRANT: there is no such table to grant on
            "masking policies", Verdict.OK, "would be left out, if there are any; whether may not be asked",
            f"GRANT SELECT ON mysql.column_masking_policy TO {who}",
        )  # fmt: skip

    def scheduler(self) -> Check:
        """Whether events run on this server, and whether there are any."""
        state = str(self.session.value("SELECT @@global.event_scheduler"))
        events = int(self.session.value("SELECT COUNT(*) FROM information_schema.events"))
        if not events:
            return Check("event scheduler", Verdict.OK, f"{state}; no event is seen")
        if state == "ON":
            return Check("event scheduler", Verdict.OK, "ON")
        hint = "SET GLOBAL event_scheduler = ON" if state == "OFF" else "event_scheduler = ON"
        return Check("event scheduler", Verdict.WARNING, f"{state}: {events} events do not run", hint)

    def replication(self) -> Check:
        """Whether this is a replica, and how far behind."""
        state = self._replica()
        if state is None:
            right = "REPLICA MONITOR" if is_mariadb(self.session) else "REPLICATION CLIENT"
            who = target.quoted_account(target.current_account(self.session))
            return Check(
                "replication", Verdict.OK,
                f"whether it is a replica may not be asked{self._read_only()}",
                f"GRANT {right} ON *.* TO {who}",
            )  # fmt: skip
        if not state:
            return Check("replication", Verdict.OK, f"no replica{self._read_only()}")
        lag = next((state[key] for key in _LAGS if key in state), None)
        threads = [str(state[key]) for keys in _THREADS for key in keys if key in state]
        if lag is None or any(thread != "Yes" for thread in threads):
            return Check("replication", Verdict.WARNING, "a replica that does not replicate", "START REPLICA")
        verdict = Verdict.WARNING if int(lag) > _LATE else Verdict.OK
        return Check("replication", verdict, f"a replica, {int(lag)} s behind{self._read_only()}")

    def _replica(self) -> Mapping[str, Any] | None:
        """SHOW REPLICA STATUS by column; empty: no replica; None: it may not be asked."""
        for statement in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):
            try:
                found = self.session.mappings(statement)
            except NotPermitted:
                return None
            except ServerSaid:
                continue  # an older server's word for it is the second
            return found[0] if found else {}
        return {}

    def _read_only(self) -> str:
        return ", read-only" if int(self.session.value("SELECT @@global.read_only")) else ""


_SHOWN = 3
_LATE = 3600
_CONVERTED = frozenset({"myisam", "aria"})
_LAGS = ("Seconds_Behind_Source", "Seconds_Behind_Master")
_THREADS = (
    ("Replica_IO_Running", "Slave_IO_Running"),
    ("Replica_SQL_Running", "Slave_SQL_Running"),
)
_FLOATS = """
SELECT c.table_name, c.column_name, c.column_type, c.is_nullable, c.column_default, c.extra, c.column_comment
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = %s AND c.data_type = 'float' AND t.table_type <> 'VIEW'
ORDER BY c.table_name, c.ordinal_position"""


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
