"""A replica of a lone MySQL or MariaDB, of the same version."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from support import databases
from support.programs import Program
from support.stoppable import Stoppable, lone_server

ACCOUNT = "carrier"

_FOLLOW = {
    "mysql": "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = '{user}',"
    " SOURCE_PASSWORD = '{user}', GET_SOURCE_PUBLIC_KEY = 1, SOURCE_DELAY = {delay}",
    "mariadb": "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = '{user}',"
    " MASTER_PASSWORD = '{user}', MASTER_DELAY = {delay}",
}


@dataclass(frozen=True)
class Replica:
    """Two servers, of which one follows the other."""

    source: Stoppable
    replica: Stoppable

    def follow(self, *, delay: int = 0) -> None:
        """Begins to replicate, so many seconds behind."""
        told = {"port": self.source.server.port, "user": ACCOUNT, "delay": delay}
        change = _FOLLOW[self.source.server.dbms].format(**told)
        self._run("STOP REPLICA", change, "START REPLICA")

    def stop(self) -> None:
        """Stands still."""
        self._run("STOP REPLICA")

    def status(self) -> dict[str, object]:
        """SHOW REPLICA STATUS."""
        with closing(databases.connection(self.replica.server, None)) as link, link.cursor() as cursor:
            cursor.execute("SHOW REPLICA STATUS")
            return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    def until(self, **wanted: object) -> None:
        """Waits until the status has these values, under either of their names."""
        end = time.monotonic() + 60
        while True:
            found = {
                name.replace("Slave", "Replica").replace("Master", "Source"): value
                for name, value in self.status().items()
            }
            if all(found.get(name) == value for name, value in wanted.items()):
                return
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def _run(self, *statements: str) -> None:
        databases.execute(self.replica.server, None, *statements)


@contextmanager
def replica_of(program: Program) -> Iterator[Replica]:
    """A source with a replica that is read-only and follows; afterwards both are gone."""
    with (
        lone_server(program, ("--server-id=1", "--log-bin=log")) as source,
        lone_server(program, ("--server-id=2", "--read-only=1")) as replica,
    ):
        databases.execute(
            source.server, None,
            f"CREATE USER {ACCOUNT} IDENTIFIED BY '{ACCOUNT}'", f"GRANT REPLICATION SLAVE ON *.* TO {ACCOUNT}",
        )  # fmt: skip
        both = Replica(source, replica)
        both.follow()
        both.until(Replica_IO_Running="Yes", Replica_SQL_Running="Yes", Seconds_Behind_Source=0)
        yield both
