"""Three databases that change names, and who is connected to them meanwhile."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace

import psycopg

from python_backup.engines.postgresql.engine import ENGINE
from python_backup.engines.replacing import Swap
from python_backup.instance import Secret
from support import databases
from support.servers import RunningServer, instance_for

PROPERTIES = """
SELECT pg_get_userbyid(d.datdba), d.datconnlimit, d.datistemplate, d.datallowconn,
    shobj_description(d.oid, 'pg_database'),
    (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(d.datacl) a),
    (SELECT array_agg((s.setrole, s.setconfig)::text ORDER BY s.setrole)
     FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
FROM pg_database d WHERE d.datname = """


THEIRS = """
SELECT DISTINCT d.datname FROM pg_shdepend s
    JOIN pg_database d ON s.classid = 'pg_database'::regclass AND d.oid = s.objid
    JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND r.oid = s.refobjid
WHERE r.rolname = ANY (%s)"""
"""The databases that roles own, or that grant something to them: DROP OWNED leaves what others granted."""


@dataclass(frozen=True, slots=True)
class Trio:
    """An old target that holds 'old', a fresh one that holds 'new', and the name for what is replaced."""

    server: RunningServer
    target: str
    fresh: str
    before: str

    def swap(self, **kinds: bool) -> Swap:
        return Swap(self.fresh, self.target, self.before, **kinds)

    def back(self, **kinds: bool) -> Swap:
        return Swap(self.before, self.target, self.fresh, **kinds)

    def alter(self, *statements: str) -> None:
        """Runs statements in which {t} is the target, {f} the fresh one, quoted."""
        names = {
            "t": databases.quoted(self.server, self.target),
            "f": databases.quoted(self.server, self.fresh),
        }
        databases.execute(self.server, None, *(s.format(**names) for s in statements))

    def properties(self, name: str) -> tuple:
        literal = "E'" + name.replace("\\", "\\\\").replace("'", "''") + "'"
        return databases.rows(self.server, None, PROPERTIES + literal)[0]

    def contents(self) -> dict[str, str]:
        """What each of the three that is there holds."""
        there = set(databases.names(self.server))
        held = (name for name in (self.target, self.fresh, self.before) if name in there)
        return {name: databases.scalar(self.server, name, "SELECT a FROM held") for name in held}

    def settled(self) -> dict[str, str]:
        """The contents, also while the server still ends what a killed program began."""
        for _ in range(100):
            with suppress(psycopg.OperationalError):  # committed in between: that name is gone
                return self.contents()
            time.sleep(0.02)
        return self.contents()


def connected(server, name):
    return closing(databases.connection(server, name))


def acting_as(server, quoted_role):
    name = quoted_role[1:-1].replace('""', '"')
    return closing(
        ENGINE.connect(replace(instance_for(server), username=name, password=Secret(lambda: "p w")))
    )


@contextmanager
def accounts(server):
    """Four roles whose names need quotes; what they have is dropped with them, and nothing of another test's."""
    names = [f'{name}" {uuid.uuid4().hex[:6]}' for name in ("Owner", "Reader", "Giver", "Other")]
    quoted = [databases.quoted(server, name) for name in names]
    for name in quoted:
        databases.execute(server, None, f"CREATE ROLE {name} LOGIN PASSWORD 'p w'")
    try:
        yield quoted
    finally:
        with connected(server, None) as link:
            for (name,) in link.execute(THEIRS, [names]).fetchall():
                link.execute(f"DROP DATABASE {databases.quoted(server, name)} WITH (FORCE)")
            for name in quoted:
                link.execute(f"DROP OWNED BY {name}")
                link.execute(f"DROP ROLE {name}")


@contextmanager
def reconnecting(server, name, clients=3):
    """Clients that come back at once whenever they are sent away; gives what they saw, in order."""
    seen: list[str] = []
    done = threading.Event()

    def client():
        while not done.is_set():
            with suppress(psycopg.Error), connected(server, name) as link:
                while not done.is_set():
                    seen.append(link.execute("SELECT a FROM held").fetchone()[0])
                    time.sleep(0.002)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while len(seen) < clients:
        time.sleep(0.01)
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()
