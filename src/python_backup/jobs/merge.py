"""Merging: a dump's chosen rows into tables that are there, by primary key, all or nothing.

What people have changed since the backup stays (keep), or goes back to what it was (replace); rows that
are in the target alone are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.pick import Pick
from python_backup.engines.merged import How, Merged
from python_backup.errors import ConnectionFailed, DatabaseMissing, UsageError
from python_backup.instance import Instance
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import Examiner
from python_backup.jobs.in_place import Safety
from python_backup.jobs.loading import Loading, Whole, examine_whole
from python_backup.jobs.locking import working_on
from python_backup.jobs.progress import Progress
from python_backup.jobs.restore import refuse_unfinished
from python_backup.jobs.tries import Tries, Waits
from python_backup.log.tell import about, timed
from python_backup.model import Facts, Manifest
from python_backup.storage.locks import Locks
from python_backup.storage.stores.place import Named


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What to merge where. ``target`` None: the name in the manifest, the dump, or the file's name.

    ``safety`` is where safety backups are: a restore in place that was killed is to be ended first.
    ``how`` is ``add`` for ``--data-only`` without ``--merge``: no row may be there already.
    ``locks`` None: the caller has the target's lock. ``waits`` is how it waits between two tries.
    """

    file: Path
    instance: Instance
    how: How
    pick: Pick = field(default_factory=Pick)
    target: str | None = None
    source: str | None = None
    dry_run: bool = False
    safety: Safety | None = None
    locks: Locks | None = None
    waits: Waits = field(default_factory=Waits)


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge did; with ``dry_run`` nothing, and ``facts`` says what it would load.

    ``facts`` are those of the picked part of the dump. ``seconds`` has the time of each step by name:
    ``examine``, ``merge``.
    """

    file: Named
    instance: Instance
    source: str | None
    target: str
    how: How
    dry_run: bool
    facts: Facts
    manifest: Manifest | None
    changes: Changes
    merged: tuple[Merged, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def merge(request: MergeRequest, progress: Progress) -> MergeReport:
    """Merges one artifact's picked rows into the target's tables, in one transaction.

    What passes by waiting (a deadlock, a lock, a lost connection) is tried again from the start.

    Raises:
        UsageError: a pattern takes nothing, or definitions are asked for.
        ArtifactError, UnsafeDump: the artifact is missing, not whole, or unsafe.
        DatabaseMissing: there is no such target.
        Locked: another run works on the target.
        Refused: a table, column or key is not there; nothing was changed.
        StatementFailed: the server refused a row; nothing was changed.
    """
    if request.pick.schema_only:
        raise UsageError("a merge loads rows, so --schema-only leaves nothing to merge")
    seconds: dict[str, float] = {}
    with timed("examine", seconds):
        examiner = Examiner(progress, pick=read_of(request.pick), events=False)
        whole = examine_whole(request.file, request.instance, request.source, examiner)
    target = whole.target(request.target, request.instance)
    tries = Tries(request.instance.retry, f"{request.instance.label}, {target}", progress, request.waits)
    loading, merged = tries.run(lambda: _merged(request, whole, progress, seconds))
    return MergeReport(
        file=request.file,
        instance=request.instance,
        source=whole.source,
        target=target,
        how=request.how,
        dry_run=request.dry_run,
        facts=whole.facts,
        manifest=whole.examination.manifest,
        changes=loading.changes,
        merged=merged,
        warnings=tuple(dict.fromkeys([*whole.warnings, *loading.changes.warnings])),
        seconds=seconds,
    )


def read_of(pick: Pick) -> Pick:
    """What is read for it: definitions too, for an INSERT may not say which columns it fills."""
    return replace(pick, data_only=False)


def _merged(
    request: MergeRequest, whole: Whole, progress: Progress, seconds: dict[str, float]
) -> tuple[Loading, tuple[Merged, ...]]:
    """One try: what was read on the way, and what became of each table's rows."""
    # names within definitions are of no account: none of these is sent
    choices = Choices(final_name=whole.source, rename_ambiguous=False)
    loading = Loading(whole, request.instance, progress, choices)
    target = whole.target(request.target, request.instance)
    with (
        connected(request.instance) as server,
        about(database=target),
        working_on(None if request.dry_run else request.locks, server, request.instance, target),
    ):
        if not server.exists(target):
            raise DatabaseMissing(
                f"instance {request.instance.label} has no database {target!r} to merge into",
                hint="Restore it without --merge, or name another with --target.",
            )
        refuse_unfinished(server, request.instance, target, request.safety)
        loading.refuse_unbridgeable(server, target)
        with timed("merge", seconds), loading.rewritten(server, target) as pieces:
            if request.dry_run:
                server.rehearse_merge(target, pieces, request.how)
                return loading, ()
            try:
                return loading, server.merge(target, pieces, request.how)
            except ConnectionFailed as exc:  # it may have been lost behind the commit, and the rows be there
                exc.transient = exc.transient and request.how != "add"
                raise
