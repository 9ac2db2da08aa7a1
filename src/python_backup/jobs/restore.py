"""Restoring: verify the artifact, fill a database beside the target, compare it, let it take over.

The target is not touched before the new database was found equal to the dump's facts; what it held
stays under another name until it is no longer kept. A restore that fails drops what it made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.pick import Pick
from python_backup.engines.engine import Server
from python_backup.engines.replacing import Swap
from python_backup.engines.table import ENGINES, make_ready
from python_backup.errors import BackupError, Refused, TargetExists
from python_backup.instance import Instance
from python_backup.jobs.beside import free_beside
from python_backup.jobs.clock import LoadClock
from python_backup.jobs.compare import Comparison, compare
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import Examiner
from python_backup.jobs.fingerprint import Fingerprint, refuse_changed, take_fingerprint
from python_backup.jobs.founding import Site
from python_backup.jobs.in_place import InPlace, Safety, resume, unfinished_in_place
from python_backup.jobs.loading import Loading, Whole, examine_whole
from python_backup.jobs.locking import working_on
from python_backup.jobs.parts.kept import kept_as, refuse_unkept
from python_backup.jobs.progress import Progress
from python_backup.jobs.refusals import in_use, part_for_whole, stuck, unresumable
from python_backup.jobs.sessions import lasting_sessions
from python_backup.jobs.tries import Tries, Waits
from python_backup.jobs.unfinished import Unfinished
from python_backup.log.tell import about, timed
from python_backup.model import Facts, Manifest
from python_backup.policy.beside import BEFORE, Kept, no_longer_kept, replaced_of
from python_backup.storage.locks import Locks
from python_backup.storage.stores.place import Named


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What to restore where. ``target`` None: the name in the manifest, the dump, or the file's name.

    ``source`` chooses one database of a dump that holds several. ``verify`` False skips the
    comparison; the artifact is verified in any case. ``disconnect`` ends other sessions on the
    target. ``keep_properties`` False: owner, grants and settings of the database come from the dump.
    ``in_place``: the target is emptied before it is filled, and put back from a safety backup on failure;
    None: only where its contents cannot be moved, False: not even there.
    ``pick`` is the part of the dump that is wanted, None all of it; it never replaces a database.
    ``safety`` None: nothing is known of restores in place. ``planned``: what must not have changed.
    ``locks`` None: the caller has the target's lock. ``own``: this program took the artifact of the target
    itself, so that it goes back whatever its routines and events may do. ``jobs``: see `Loading`.
    ``resume``: what is loaded of a backup in parts is kept when the run is cut, and gone on with.
    ``waits`` is how it waits between two tries.
    """

    file: Path
    instance: Instance
    target: str | None = None
    source: str | None = None
    force: bool = False
    verify: bool = True
    disconnect: bool = False
    keep_properties: bool = True
    in_place: bool | None = None
    pick: Pick | None = None
    kept: Kept = field(default_factory=Kept)
    safety: Safety | None = None
    planned: Fingerprint | None = None
    choices: Choices = AS_THE_DUMP
    locks: Locks | None = None
    own: bool = False
    jobs: int = 1
    resume: bool = False
    waits: Waits = field(default_factory=Waits)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a person is asked to agree to; ``size`` is the file's bytes, ``taken`` when it was dumped."""

    file: str
    size: int
    taken: datetime | None
    rows: int
    source: str | None
    target: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did.

    ``comparison`` is None where nothing was compared. ``before`` is the database that holds what the
    target held, ``safety`` the backup that does. ``taken_over`` False: the target is what it was.
    ``seconds`` has the time of each step by name: ``examine``, ``safety``, ``load``, ``compare``,
    ``take_over``; ``clock`` that of each table.
    """

    file: Named
    instance: Instance
    source: str | None
    target: str
    replaced: bool
    facts: Facts
    manifest: Manifest | None
    changes: Changes
    comparison: Comparison | None = None
    before: str | None = None
    safety: Path | None = None
    taken_over: bool = False
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    clock: LoadClock = field(default_factory=LoadClock)

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return self.comparison is None or self.comparison.equal


def restore(
    request: RestoreRequest,
    confirm: Callable[[Replacement], bool],
    progress: Progress,
    now: Callable[[], datetime],
) -> RestoreReport:
    """Restores one artifact; ``confirm`` is asked before an existing database is replaced.

    When the new database differs from the dump, the report says so and the target is what it was.
    What passes by waiting is tried again from the start, as long as the target was not touched.

    Raises:
        ArtifactError: the artifact is missing or not whole; no server was touched.
        UnsafeDump: it holds what no restore may run; no server was touched.
        TargetExists: ``confirm`` said no.
        Locked: another run works on the target.
        Refused: others use the target, an earlier run on it is to be settled first, artifact or target
            have changed since they were planned with, or the server has nothing like what is in the dump.
        StatementFailed: the server refused a statement; the target is what it was.
    """
    return _Restore(request, confirm, progress, now).run()


@dataclass(frozen=True, slots=True)
class _Restore:
    """One restore under way: the request, and those it talks to."""

    request: RestoreRequest
    confirm: Callable[[Replacement], bool]
    progress: Progress
    now: Callable[[], datetime]
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    agreed: list[Replacement] = field(default_factory=list)

    def run(self) -> RestoreReport:
        """All steps in their order."""
        with about(instance=self.request.instance.id):
            return self._run()

    def _run(self) -> RestoreReport:
        request = self.request
        make_ready(request.instance.dbms)
        with timed("examine", self.seconds):
            examiner = Examiner(
                self.progress, pick=request.pick, events=request.choices.events != "disable",
                guarded=not request.own, stand_ins=request.choices.stand_ins,
            )  # fmt: skip
            whole = examine_whole(request.file, request.instance, request.source, examiner)
        if request.resume:
            refuse_unkept(whole.examination, chosen=request.pick is not None, in_place=request.in_place)
        self.warnings.extend(whole.warnings)
        target = whole.target(request.target, request.instance)
        what = f"{request.instance.label}, {target}"
        tries = Tries(request.instance.retry, what, self.progress, request.waits)
        return tries.run(lambda: self._tried(whole, target))

    def _tried(self, whole: Whole, target: str) -> RestoreReport:
        """One try, from the connection on."""
        request = self.request
        choices = replace(request.choices, final_name=target)
        of = kept_as(whole.examination, choices) if request.resume else None
        loading = Loading(whole, request.instance, self.progress, choices, jobs=request.jobs, kept_as=of)
        with (
            connected(request.instance) as server,
            about(database=target),
            working_on(request.locks, server, request.instance, target),
        ):
            server.hold(target)
            replaced = server.exists(target)
            refuse_unfinished(server, request.instance, target, request.safety)
            if request.planned is not None:
                refuse_changed(request.planned, take_fingerprint(whole.examination, server, target))
            loading.refuse_unbridgeable(server, target)
            if replaced and request.pick is not None:
                raise part_for_whole(target, request.instance)
            if replaced:
                self._agreed(whole, target)
                self._alone(server, target)
            if reasons := server.unmovable(target):
                if request.resume:
                    raise unresumable(target, reasons)
                if replaced:
                    return self._standing(server, loading, target, reasons)
                return self._founded(server, loading, target)
            if replaced and request.in_place:
                return self._in_place(server, loading, target)
            before = free_beside(server, request.instance, target, BEFORE, self.now()) if replaced else None
            report = self._beside(server, loading, target, before)
            if report.taken_over:
                self._drop_no_longer_kept(server, target)
            return replace(report, warnings=self._all_warnings(loading))

    def _standing(
        self, server: Server, loading: Loading, target: str, reasons: tuple[str, ...]
    ) -> RestoreReport:
        """Fills a target that cannot be moved where it stands, with a safety backup to put back."""
        if self.request.in_place is False:
            raise stuck(target, reasons)
        place, artifact = self._backed_up(server, target)
        with _once(), place.standing(server, target, artifact, disconnect=self.request.disconnect) as succeed:
            comparison = self._filled(server, loading, target)
            equal = comparison is None or comparison.equal
            if equal:
                succeed()
        self.warnings.append(f"{target} was filled in place: {'; '.join(reasons)}")
        report = self._report(loading, target, comparison, replaced=equal, taken_over=equal)
        return replace(report, safety=artifact)

    def _founded(self, server: Server, loading: Loading, target: str) -> RestoreReport:
        """Fills a target that is not there yet under its own name: what is moved here may be lost."""
        site = Site(self.request.instance, target, self.progress)
        with site.founded(server, loading.whole.like, self.now()) as made:
            self.warnings.extend(made.warnings)
            comparison = self._filled(server, loading, target)
            equal = comparison is None or comparison.equal
            if equal:
                self.warnings.extend(made.keep())
        return self._report(loading, target, comparison, replaced=False, taken_over=equal)

    def _backed_up(self, server: Server, target: str) -> tuple[InPlace, Path]:
        request = self.request
        if request.safety is None:
            raise Refused(
                f"database {target!r} cannot be filled in place without a folder for safety backups"
            )
        place = InPlace(request.instance, request.safety, self.progress, self.now)
        with timed("safety", self.seconds):
            return place, place.back_up(server, target)

    def _in_place(self, server: Server, loading: Loading, target: str) -> RestoreReport:
        """Empties the target first; what fails then is mended from the safety backup."""
        request = self.request
        place, artifact = self._backed_up(server, target)
        like, disconnect = loading.whole.like, request.disconnect
        with _once(), place.emptied(server, target, artifact, like, disconnect=disconnect) as emptied:
            # who came to the empty database meanwhile has nothing to lose there
            bold = replace(self, request=replace(request, disconnect=True))
            report = bold._beside(server, loading, target, emptied.before, emptied.grants)  # noqa: SLF001 - its own class
            if report.taken_over:
                server.drop(emptied.before)  # it was empty
                emptied.succeed()
        return replace(report, before=None, safety=artifact)

    def _agreed(self, whole: Whole, target: str) -> None:
        if self.request.force or self.agreed:
            return
        look = whole.examination
        replacement = Replacement(
            look.path.name, look.size, look.taken, whole.facts.rows, look.source, target
        )
        if not self.confirm(replacement):
            raise TargetExists(
                f"database {target!r} exists on instance {self.request.instance.label}",
                hint="Give another --target, or --force to replace it.",
            )
        self.agreed.append(replacement)

    def _alone(self, server: Server, target: str) -> None:
        """Asked before the long work, not only at its end."""
        others = lasting_sessions(server, target)
        if others and not self.request.disconnect:
            raise in_use(target, others)

    def _beside(
        self, server: Server, loading: Loading, target: str, before: str | None, grants: tuple[str, ...] = ()
    ) -> RestoreReport:
        """Fills a database of another name, compares it, and only then lets it take the target's place.

        What that holds is called ``before`` then; None where there is no target. See `Swap` for ``grants``.
        """
        replaced = before is not None
        unfinished = Unfinished(self.request.instance, target, loading, self.warnings)
        fresh = unfinished.fresh(server, self.now())
        try:
            comparison = self._filled(server, loading, fresh)
            if comparison is not None and not comparison.equal:
                server.drop(fresh)
                return self._report(loading, target, comparison, replaced=False)
            with _once(), timed("take_over", self.seconds):
                if self.request.resume:
                    server.keeping(fresh).end()
                swap = Swap(
                    fresh, target, before, disconnect=self.request.disconnect,
                    keep_properties=self.request.keep_properties, grants=grants,
                )  # fmt: skip
                self.warnings.extend(server.take_over(swap))
        except BaseException as exc:
            unfinished.given_up(fresh, exc)
            raise
        return self._report(loading, target, comparison, replaced=replaced, before=before, taken_over=True)

    def _filled(self, server: Server, loading: Loading, database: str) -> Comparison | None:
        with timed("load", self.seconds):
            loading.fill(server, database)
        if not self.request.verify:
            return None
        title = f"comparing {loading.choices.final_name}"
        with timed("compare", self.seconds), self.progress.step(title):
            named = loading.whole.examination.named
            return compare(server, database, loading.whole.facts, named=named)

    def _drop_no_longer_kept(self, server: Server, target: str) -> None:
        """The restore is done; what cannot be dropped now is told, and dropped by a later one."""
        kept, fits = self.request.kept, ENGINES[self.request.instance.dbms].fits
        replaced = replaced_of(target, server.databases(), fits)
        for old in no_longer_kept(replaced, keep=kept.count, days=kept.days, now=self.now()):
            try:
                server.drop(old.database)
            except BackupError as exc:
                self.warnings.append(f"{old.database} is no longer kept, but: {exc.message}")

    def _report(
        self,
        loading: Loading,
        target: str,
        comparison: Comparison | None = None,
        *,
        replaced: bool,
        before: str | None = None,
        taken_over: bool = False,
    ) -> RestoreReport:
        look, changes = loading.whole.examination, loading.changes
        return RestoreReport(
            file=look.path,
            instance=self.request.instance,
            source=look.source,
            target=target,
            replaced=replaced,
            facts=loading.whole.facts,
            manifest=look.manifest,
            changes=changes,
            comparison=comparison,
            before=before,
            taken_over=taken_over,
            warnings=self._all_warnings(loading),
            seconds=self.seconds,
            clock=loading.clock,
        )

    def _all_warnings(self, loading: Loading) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.warnings, *loading.changes.warnings]))


@contextmanager
def _once() -> Iterator[None]:
    """The target is touched inside: what fails there is put back and told, and not tried again."""
    try:
        yield
    except BackupError as exc:
        exc.transient = False
        raise


def refuse_unfinished(server: Server, instance: Instance, target: str, safety: Safety | None = None) -> None:
    """A run that was killed amid its work is to be ended before another begins on its target."""
    left = server.unfinished(target) or unfinished_in_place(instance, target, safety)
    if left is not None:
        raise Refused(f"database {target!r}: {left}", hint=f"Run: {resume(target, instance)}")
