"""Backing up: every chosen database of every chosen instance, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from python_backup.engines.engine import Server
from python_backup.errors import BackupError, DatabaseMissing, ServerError
from python_backup.instance import Instance
from python_backup.jobs.ahead import asking_ahead
from python_backup.jobs.connected import connected
from python_backup.jobs.one_backup import DatabaseBackup
from python_backup.jobs.parts.choosing import SINGLE, Parting
from python_backup.jobs.progress import Progress
from python_backup.jobs.results import DatabaseResult, told
from python_backup.jobs.selection import Selection, select_databases
from python_backup.jobs.tries import Tries, Waits
from python_backup.model import Format
from python_backup.policy.anomalies import Expectation
from python_backup.storage.earlier import Listing
from python_backup.storage.locks import Locks


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What to back up and how. No ``databases``: all that the instance's patterns leave.

    ``level`` None is the format's own default. ``parts`` says which databases are read side by side.
    ``locks`` None: the caller has the databases' locks. ``waits`` is how it waits between two tries. ``look``
    says what is unwise about an instance that was reached; ``expect`` what its database should hold.
    """

    instances: tuple[Instance, ...]
    databases: tuple[str, ...]
    folder: Path
    format: Format
    level: int | None = None
    parts: Parting = SINGLE
    dry_run: bool = False
    locks: Locks | None = None
    waits: Waits = field(default_factory=Waits)
    look: Callable[[Instance, Server], Iterable[str]] = lambda _instance, _server: ()
    expect: Callable[[Instance, str], Expectation] = lambda _instance, _database: Expectation()


def back_up(
    request: BackupRequest,
    progress: Progress,
    now: Callable[[], datetime],
    each: Callable[[DatabaseResult], None] = lambda _: None,
) -> tuple[DatabaseResult, ...]:
    """Backs up database after database; one that fails does not stop the others.

    ``each`` is given every result as soon as it is there.

    Of several instances, those that lack a database asked for by name are passed over, if only one
    of them has it.
    """
    results: list[DatabaseResult] = []
    for instance in request.instances:
        for result in _instance(request, instance, progress, now):
            each(result)
            results.append(result)
    found = {result.database for result in results if not isinstance(result.error, DatabaseMissing)}
    return tuple(
        told(result) if isinstance(result.error, DatabaseMissing) else result
        for result in results
        if not (isinstance(result.error, DatabaseMissing) and result.database in found)
    )


def _instance(
    request: BackupRequest, instance: Instance, progress: Progress, now: Callable[[], datetime]
) -> Iterator[DatabaseResult]:
    begun = monotonic()
    tries = Tries(instance.retry, instance.label, progress, request.waits)
    try:
        with ExitStack() as stack:
            server, present, selection = tries.run(lambda: _entered(request, instance, stack))
            for unwise in request.look(instance, server):
                progress.note(f"{instance.label}: {unwise}")
            for name in selection.missing:
                error = DatabaseMissing(
                    f"instance {instance.label} has no database {name!r}",
                    hint=f"It has: {', '.join(present) or 'none but its own'}.",
                )
                yield told(DatabaseResult(instance, name, "failed", error=error))
            down: BackupError | None = None
            ahead = stack.enter_context(asking_ahead(instance, selection.databases, request.parts))
            seen = Listing()
            for name in selection.databases:
                if down is not None:
                    yield told(DatabaseResult(instance, name, "failed", error=down, attempts=0))
                    continue
                result = DatabaseBackup(request, instance, name, progress, now, ahead, seen).run(server)
                down = _down(server, result)
                yield result
            if not selection.databases and not selection.missing:
                progress.note(f"instance {instance.label} has no database to back up")
    except BackupError as exc:
        failed = DatabaseResult(instance, None, "failed", seconds=monotonic() - begun, error=exc)
        yield told(replace(failed, attempts=tries.made))


def _entered(
    request: BackupRequest, instance: Instance, stack: ExitStack
) -> tuple[Server, tuple[str, ...], Selection]:
    """A connection that the stack closes, which databases there are, and which of them are wanted."""
    with ExitStack() as held:
        server = held.enter_context(connected(instance))
        present = server.databases()
        selection = select_databases(instance, present, request.databases, server.exists)
        stack.push(held.pop_all())
        return server, present, selection


def _down(server: Server, result: DatabaseResult) -> BackupError | None:
    """Why the whole instance is out of reach, after all tries at one database failed; None if it is not.

    Its other databases are then not tried one by one: each would wait as long to fail as well.
    """
    if result.error is None or not result.error.transient:
        return None
    try:
        server.databases()
    except ServerError as exc:
        return exc
    return None
