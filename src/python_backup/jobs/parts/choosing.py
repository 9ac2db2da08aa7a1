"""Which databases are backed up in parts: those that are worth it, and can be."""

from __future__ import annotations

from dataclasses import dataclass

from python_backup.engines.engine import DumpPlan, Server
from python_backup.engines.parts import PartsPlan
from python_backup.errors import Refused
from python_backup.instance import Limits
from python_backup.model import Parts, Scope

LARGE = 256 << 20
"""Bytes of a database, by the server's own estimate, from which on parts are worth their folder."""


@dataclass(frozen=True, slots=True)
class Parting:
    """How many parts are read at once, and when there are any.

    ``wanted``: they were asked for by name, so that small databases get them too. Of ``Parts.ALWAYS`` a
    database that cannot be backed up in parts is refused. ``lock`` is MySQL's and MariaDB's. ``large`` is the
    size in bytes from which on `Parts.AUTO` takes parts that nobody asked for by name.
    """

    jobs: int = 1
    parts: Parts = Parts.AUTO
    wanted: bool = False
    lock: Scope = Scope.INSTANCE
    large: int = LARGE

    @property
    def may_part(self) -> bool:
        """Whether any database can become parts."""
        return self.parts is Parts.ALWAYS or (self.parts is Parts.AUTO and (self.wanted or self.jobs > 1))


SINGLE = Parting(parts=Parts.NEVER)
"""One file for each database."""


def planned(
    server: Server, database: str, limits: Limits, parting: Parting
) -> tuple[DumpPlan | PartsPlan, tuple[str, ...]]:
    """How the database is to be dumped; and in a sentence why not in parts, where that was asked for.

    Raises:
        Refused: it must be in parts, and cannot.
        ToolMissing: no program on this machine fits the server.
    """
    why: tuple[str, ...] = ()
    if _in_parts(server, database, parting):
        try:
            return server.plan_parts(database, limits, parting.jobs, parting.lock), ()
        except Refused as exc:
            if parting.parts is Parts.ALWAYS:
                raise
            why = (f"one file is written, not parts: {exc.message}",)
    return server.plan_dump(database, limits), why


def _in_parts(server: Server, database: str, parting: Parting) -> bool:
    if parting.parts is not Parts.AUTO:
        return parting.parts is Parts.ALWAYS
    return parting.wanted or (parting.jobs > 1 and server.size(database) >= parting.large)
