"""Putting back what a restore replaced, and ending what a killed restore left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from python_backup.engines.engine import Server, Swap
from python_backup.engines.table import ENGINES
from python_backup.errors import Refused
from python_backup.jobs.connected import connected
from python_backup.jobs.in_place import InPlace, Safety, settle_in_place
from python_backup.jobs.locking import working_on
from python_backup.jobs.restore import in_use, refuse_unfinished
from python_backup.jobs.sessions import lasting_sessions
from python_backup.log.tell import about, timed
from python_backup.model import Instance
from python_backup.policy.beside import BEFORE, RESTORING, Replaced, beside, is_beside_of, replaced_of
from python_backup.storage.locks import Locks


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What was put back (``restored``), and where what it replaced is now (``before``)."""

    target: str
    restored: Replaced
    before: str | None
    warnings: tuple[str, ...]


def roll_back(
    instance: Instance,
    target: str,
    now: Callable[[], datetime],
    *,
    disconnect: bool = False,
    safety: Safety | None = None,
    locks: Locks | None = None,
) -> RollbackReport:
    """Puts back what the latest restore replaced; a second call returns to where one was.

    Raises:
        Locked: another run works on the target.
        Refused: nothing that was replaced is kept, others use the target, or a killed run on it is
            to be settled first.
    """
    engine = ENGINES[instance.dbms]
    with (
        connected(instance) as server,
        about(database=target),
        working_on(locks, server, instance, target),
    ):
        server.hold(target)
        refuse_unfinished(server, instance, target, safety)
        kept = replaced_of(target, server.databases(), engine.fits)
        if not kept:
            raise Refused(
                f"nothing that {target!r} held before is kept on instance {instance.label}",
                hint="Restore a backup instead: vya-backupdb list shows them.",
            )
        exists = server.exists(target)
        others = lasting_sessions(server, target) if exists else ()
        if others and not disconnect:
            raise in_use(target, others)
        before = beside(target, BEFORE, now(), engine.fits) if exists else None
        swap = Swap(kept[0].database, target, before, disconnect=disconnect, keep_properties=False)
        with timed("take_over"):
            warnings = server.take_over(swap)
        return RollbackReport(target, kept[0], before, warnings)


def settle(
    instance: Instance, target: str, place: InPlace | None = None, locks: Locks | None = None
) -> tuple[str, ...]:
    """Ends what a killed restore left of its work on this target; one sentence for each thing done.

    With ``place``, restores in place too.

    Raises:
        Locked, Refused: a run works on it.
    """
    done: dict[str, None] = {}
    with (
        connected(instance) as server,
        about(database=target),
        working_on(locks, server, instance, target),
    ):
        server.hold(target)
        if server.unfinished(target) is not None:
            with timed("settle"):
                done[server.settle(target)] = None
        done |= dict.fromkeys(_dropped_unfinished(server, instance, target))
        if place is not None:
            done |= dict.fromkeys(settle_in_place(server, place, target))
    return tuple(done)


def _dropped_unfinished(server: Server, instance: Instance, target: str) -> Iterator[str]:
    """Drops the databases that were being filled for this target; one sentence for each."""
    fits = ENGINES[instance.dbms].fits
    for name in server.databases():
        if is_beside_of(target, name, RESTORING, fits):
            server.drop(name)
            yield f"{name}, which was never finished, was dropped"
