"""Putting back what a restore replaced, and ending what a killed restore left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from python_backup.engines.engine import Server
from python_backup.engines.replacing import Swap
from python_backup.engines.table import ENGINES
from python_backup.errors import FactsDiffer, Refused, StatementFailed
from python_backup.instance import Instance
from python_backup.jobs.beside import free_beside
from python_backup.jobs.connected import connected
from python_backup.jobs.founding import is_hollow
from python_backup.jobs.in_place import InPlace, settle_in_place
from python_backup.jobs.locking import working_on
from python_backup.jobs.refusals import in_use
from python_backup.jobs.restore import RestoreRequest, refuse_unfinished, restore
from python_backup.jobs.sessions import lasting_sessions
from python_backup.log.tell import about, timed
from python_backup.model import Backup
from python_backup.policy.beside import BEFORE, RESTORING, is_beside_of, replaced_of
from python_backup.storage.locks import Locks
from python_backup.storage.safety import safe_of


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What was put back (``restored``, since ``at``), and where what it replaced is now (``before``).

    Both are names of databases, or of safety backups where the target was filled in place.
    """

    target: str
    restored: str
    at: datetime
    before: str | None
    warnings: tuple[str, ...]


def roll_back(
    instance: Instance,
    target: str,
    now: Callable[[], datetime],
    *,
    disconnect: bool = False,
    place: InPlace | None = None,
    locks: Locks | None = None,
) -> RollbackReport:
    """Puts back what the latest restore replaced; a second call returns to where one was.

    With ``place``, what a restore in place replaced is put back from its safety backup, in place too.

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
        refuse_unfinished(server, instance, target, None if place is None else place.safety)
        kept = replaced_of(target, server.databases(), engine.fits)
        safe = () if place is None else safe_of(place.safety.folder, instance.id, target)
        if not kept and not safe:
            raise Refused(
                f"nothing that {target!r} held before is kept on instance {instance.label}",
                hint="Restore a backup instead: vya-backupdb list shows them.",
            )
        exists = server.exists(target)
        others = lasting_sessions(server, target) if exists else ()
        if others and not disconnect:
            raise in_use(target, others)
        if place is not None and safe and (not kept or safe[0].taken.astimezone() > kept[0].at):
            server.close()  # the restore works on the target itself
            return _from_safety(place, safe[0], disconnect=disconnect)
        before = free_beside(server, instance, target, BEFORE, now()) if exists else None
        swap = Swap(kept[0].database, target, before, disconnect=disconnect, keep_properties=False)
        with timed("take_over"):
            warnings = server.take_over(swap)
        return RollbackReport(target, kept[0].database, kept[0].at, before, warnings)


def _from_safety(place: InPlace, backup: Backup, *, disconnect: bool) -> RollbackReport:
    """Fills the target from a safety backup, behind a new one."""
    request = RestoreRequest(
        backup.path,
        place.instance,
        backup.database,
        force=True,
        disconnect=disconnect,
        in_place=True,
        safety=place.safety,
        own=True,
    )
    report = restore(request, lambda _: True, place.progress, place.now)
    if not report.equal:
        raise FactsDiffer(
            f"what was restored from the safety backup {backup.path} differs from it;"
            f" database {backup.database!r} is what it was"
        )
    kept = None if report.safety is None else str(report.safety)
    return RollbackReport(backup.database, str(backup.path), backup.taken.astimezone(), kept, report.warnings)


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
        if not server.half_filled(target) and server.unfinished(target) is not None:
            with timed("settle"):
                done[server.settle(target)] = None
        done |= dict.fromkeys(_dropped_unfinished(server, instance, target))
        if place is not None:
            done |= dict.fromkeys(settle_in_place(server, place, target))
        told = server.half_filled(target)
        if told is not None:
            raise Refused(
                f"database {target!r} was emptied, and not filled again; what it held is in {told}",
                hint="Run this with the config, and on the machine, that has that file.",
            )
    return tuple(done)


def _dropped_unfinished(server: Server, instance: Instance, target: str) -> Iterator[str]:
    """Drops the databases that were being filled for this target; one sentence for each."""
    fits = ENGINES[instance.dbms].fits
    for name in server.databases():
        if is_beside_of(target, name, RESTORING, fits):
            try:
                server.drop(name)
            except StatementFailed as exc:
                yield f"{name}, which was never finished, is not dropped: {exc.message}. {exc.hint or ''}"
            else:
                yield f"{name}, which was never finished, was dropped"
                if is_hollow(server, target, name):
                    server.drop(target)
                    yield f"{target}, which was not there before, was dropped: it holds nothing"
