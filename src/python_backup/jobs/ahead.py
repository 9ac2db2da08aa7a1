"""The next database is asked about while one is dumped: of a small one, asking takes as long as dumping.

Done over a connection of its own. What is said here is never more than a little early: an answer that has
waited is not used. It ends with the first try that fails: the next has the server, and an account's few
connections, to itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain

from python_backup.engines.engine import DumpPlan, Server
from python_backup.engines.parts import PartsPlan
from python_backup.errors import BackupError
from python_backup.instance import Instance, Limits
from python_backup.jobs.connected import connected
from python_backup.jobs.parts.choosing import Parting, planned
from python_backup.jobs.source import Source
from python_backup.log.tell import about
from python_backup.stream.apart import apart

FRESH = 5.0
"""Seconds for which an answer is as good as one that is asked now."""

Plan = DumpPlan | PartsPlan


@dataclass(frozen=True, slots=True)
class Asked:
    """How a database is to be dumped, what the server says of it, and when it said so."""

    plan: Plan
    source: Source
    at: float


def asked(
    server: Server,
    database: str,
    limits: Limits,
    parting: Parting,
    clock: Callable[[], float] = time.monotonic,
) -> Asked:
    """Asks the server about the database; raises as `planned`, and `ServerError`."""
    at = clock()
    plan, told_off = planned(server, database, limits, parting)
    return Asked(plan, replace(Source.look(server, database), told_off=told_off), at)


@dataclass(slots=True)
class Ahead:
    """The answers about a run's databases, in their order; ``close`` ends the asking."""

    answers: Iterator[tuple[str, Asked | None]]
    close: Callable[[], object]

    def of(self, database: str, server: Server) -> Asked | None:
        """What was asked about it, as if over this connection; None where that is left to its turn."""
        found = next((one for name, one in self.answers if name == database), None)
        if found is None or time.monotonic() - found.at > FRESH:
            return None
        return replace(found, source=replace(found.source, server=server))

    def end(self) -> None:
        """Ends the asking: all others are asked about in their turn."""
        self.answers = iter(())  # one who asks a silent server would be waited for
        self.close()


@contextmanager
def asking_ahead(instance: Instance, databases: tuple[str, ...], parting: Parting) -> Iterator[Ahead]:
    """Asks about all databases but the first, one after the other, at most two ahead.

    Not where there is one try alone: an account of two connections needs the second one.
    """
    with ExitStack() as stack:
        answers: Iterator[tuple[str, Asked | None]] = iter(())
        if len(databases) > 1 and instance.retry.attempts > 1:
            answers = stack.enter_context(apart(_asking(instance, databases[1:], parting), depth=1))
        yield Ahead(chain([(databases[0], None)], answers) if databases else answers, stack.close)


def _asking(
    instance: Instance, databases: tuple[str, ...], parting: Parting
) -> Iterator[tuple[str, Asked | None]]:
    """Ends where the server cannot be asked: each is then asked about in its turn, which tells why."""
    try:
        with connected(instance) as server:
            for database in databases:
                yield database, _answer(server, instance, database, parting)
    except BackupError:
        return


def _answer(server: Server, instance: Instance, database: str, parting: Parting) -> Asked | None:
    try:
        with about(database=database):
            return asked(server, database, instance.limits, parting)
    except BackupError as exc:
        if exc.transient:
            raise
        return None
