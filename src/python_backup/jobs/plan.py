"""Planning a restore: the whole artifact is read and the server is asked; nothing is changed on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from python_backup.dump.changes import Changes
from python_backup.engines.engine import Server, Wanted
from python_backup.engines.finding import Finding, Severity
from python_backup.engines.table import ENGINES
from python_backup.instance import Instance
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import Examiner
from python_backup.jobs.fingerprint import Fingerprint, TargetState, take_fingerprint
from python_backup.jobs.in_place import resume, unfinished_in_place
from python_backup.jobs.loading import Loading, Whole, examine_whole
from python_backup.jobs.progress import Progress
from python_backup.jobs.refusals import part_for_whole, stuck
from python_backup.jobs.restore import RestoreRequest
from python_backup.jobs.sessions import lasting_sessions
from python_backup.log.tell import about, timed
from python_backup.model import Facts, Manifest
from python_backup.policy.beside import BEFORE, RESTORING, beside, is_beside_of, no_longer_kept, replaced_of
from python_backup.storage.stores.place import Named

SHOWN = 8
"""How many names a finding lists."""

ROUTINE = frozenset(
    {
        "CREATE DATABASE left out",
        "DROP DATABASE left out",
        "UPDATE DATABASE left out",
        "USE left out",
        "database renamed",
        "sandbox line left out",
        "server setting left out",
        "transaction command left out",
        "CREATE SCHEMA of one that is there left out",
        "drop of what a new database lacks left out",
    }
)
"""Changes of every restore, and psql's commands beside them: nothing of the database is lost by them."""


class Verdict(StrEnum):
    """What a plan comes to."""

    READY = "ready"
    CHANGES = "ready with changes"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do, and what stands against it.

    ``before`` is what the database that is replaced would be called then, None where none is.
    ``dropped`` are databases that earlier restores replaced and that would no longer be kept.
    ``seconds`` is a floor: so long at least took ``seconds_of``.
    """

    file: Named
    instance: Instance
    source: str | None
    target: str
    in_place: bool
    facts: Facts
    manifest: Manifest | None
    fingerprint: Fingerprint
    before: str | None
    dropped: tuple[str, ...]
    changes: Changes
    findings: tuple[Finding, ...]
    seconds: float
    seconds_of: str

    @property
    def replaced(self) -> TargetState | None:
        """What the target holds now; None where there is none."""
        return self.fingerprint.target if self.fingerprint.target.exists else None

    @property
    def verdict(self) -> Verdict:
        """Blocked by one finding that blocks; with changes when the result differs from dump or target."""
        severities = {finding.severity for finding in self.findings}
        if Severity.BLOCKS in severities:
            return Verdict.BLOCKED
        changed = any(kind not in ROUTINE and not kind.startswith("\\") for kind in self.changes.counts)
        return Verdict.CHANGES if changed or Severity.DIFFERS in severities else Verdict.READY


def plan(request: RestoreRequest, progress: Progress, now: Callable[[], datetime]) -> Plan:
    """Plans the restore that this request asks for.

    Raises:
        ArtifactError: the artifact is missing or not whole; no server was asked.
        UnsafeDump: it holds what no restore may run; no server was asked.
    """
    seconds: dict[str, float] = {}
    with timed("examine", seconds):
        examiner = Examiner(progress, pick=request.pick, events=request.choices.events != "disable")
        whole = examine_whole(request.file, request.instance, request.source, examiner)
    target = whole.target(request.target, request.instance)
    loading = Loading(whole, request.instance, progress, replace(request.choices, final_name=target))
    with connected(request.instance) as server, about(database=target), timed("plan"):
        return _Look(request, whole, loading, server, target, now()).plan(seconds["examine"])


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a server that a whole artifact is to go to."""

    request: RestoreRequest
    whole: Whole
    loading: Loading
    server: Server
    target: str
    at: datetime

    def plan(self, reading: float) -> Plan:
        request = self.request
        found = take_fingerprint(self.whole.examination, self.server, self.target)
        fits = ENGINES[request.instance.dbms].fits
        findings = (*self._of_target(found.target), *self._of_server(found.target))
        findings += tuple(
            Finding(Severity.DIFFERS, "change", text) for text in dict.fromkeys(self.loading.changes.warnings)
        )
        findings += tuple(
            Finding(Severity.BLOCKS, "bridge", text)
            for text in self.loading.unbridgeable(self.server, self.target)
        )
        seconds, seconds_of = self._time(reading)
        return Plan(
            file=request.file.absolute(),
            instance=request.instance,
            source=self.whole.source,
            target=self.target,
            in_place=found.target.exists and not self._keeps(found.target),
            facts=self.whole.facts,
            manifest=self.whole.examination.manifest,
            fingerprint=found,
            before=beside(self.target, BEFORE, self.at, fits) if self._keeps(found.target) else None,
            dropped=tuple(self._dropped(keeps=self._keeps(found.target))),
            changes=self.loading.changes,
            findings=findings,
            seconds=seconds,
            seconds_of=seconds_of,
        )

    def _keeps(self, state: TargetState) -> bool:
        return state.exists and not self.request.in_place and not self._stuck(state)

    def _stuck(self, state: TargetState) -> tuple[str, ...]:
        """Why what the target holds cannot be kept under another name."""
        return self.server.unmovable(self.target) if state.exists else ()

    def _dropped(self, *, keeps: bool) -> Iterator[str]:
        kept, fits = self.request.kept, ENGINES[self.request.instance.dbms].fits
        if self.request.in_place:
            return
        there = replaced_of(self.target, self.server.databases(), fits)
        count = kept.count - 1 if keeps else kept.count
        for old in no_longer_kept(there, keep=max(count, 0), days=kept.days, now=self.at):
            yield old.database

    def _of_target(self, state: TargetState) -> Iterator[Finding]:
        instance, fits = self.request.instance, ENGINES[self.request.instance.dbms].fits
        left = self.server.unfinished(self.target)
        left = left or unfinished_in_place(instance, self.target, self.request.safety)
        if left is not None:
            yield Finding(Severity.BLOCKS, "unfinished", left, f"Run: {resume(self.target, instance)}")
        if not fits(self.target):
            yield Finding(
                Severity.BLOCKS, "name", f"the name {self.target!r} is too long for {instance.dbms}",
                "Choose a shorter one with --target.",
            )  # fmt: skip
        for name in self.server.databases():
            if is_beside_of(self.target, name, RESTORING, fits):
                yield Finding(
                    Severity.TELLS, "unfinished", f"{name} is of a restore that runs, or was killed",
                    f"If none runs: {resume(self.target, instance)}",
                )  # fmt: skip
        if not state.exists:
            return
        if self.request.pick is not None:
            refusal = part_for_whole(self.target, instance)
            yield Finding(Severity.BLOCKS, "part", refusal.message, refusal.hint)
            return
        others = lasting_sessions(self.server, self.target)
        if others:
            severity = Severity.TELLS if self.request.disconnect else Severity.BLOCKS
            text = f"{len(others)} other sessions use {self.target!r}: {_listed(others)}"
            yield Finding(severity, "sessions", text, "End them, or give --disconnect to have them ended.")
        yield from self._lost(state)
        yield from self._of_place(state)

    def _of_place(self, state: TargetState) -> Iterator[Finding]:
        reasons = self._stuck(state)
        if reasons and self.request.in_place is False:
            refusal = stuck(self.target, reasons)
            yield Finding(Severity.BLOCKS, "in_place", refusal.message, refusal.hint)
        elif reasons:
            text = f"{self.target!r} is filled in place, behind a safety backup: {'; '.join(reasons)}"
            yield Finding(Severity.TELLS, "in_place", text)
        if not self._keeps(state):
            for text in self.server.unreturnable(self.target):
                yield Finding(
                    Severity.BLOCKS, "safety", f"the safety backup could not put all of it back: {text}",
                    "Restore under another name with --target NAME.",
                )  # fmt: skip
            for lack in self.server.lacks(self.target):
                yield Finding(
                    Severity.BLOCKS,
                    "safety",
                    f"the safety backup would not be whole: {lack.what}",
                    lack.remedy,
                )

    def _lost(self, state: TargetState) -> Iterator[Finding]:
        """What the target has and the dump does not."""
        kept = self.whole.facts.objects
        tables = {table.name for table in self.whole.facts.tables}
        for kind, names in {**state.objects, "tables": tuple(state.tables)}.items():
            lost = sorted({*names} - {*kept.get(kind, ())} - (tables if kind == "tables" else set()))
            if lost:
                shown = lost if kind != "tables" else [f"{n} ({state.tables[n]:,} rows)" for n in lost]
                text = f"{kind.replace('_', ' ')} of the target that are not in the dump: {_listed(shown)}"
                yield Finding(Severity.DIFFERS, "lost", text)

    def _of_server(self, state: TargetState) -> tuple[Finding, ...]:
        needs = self.loading.rehearse(self.server, self.target)
        fits = ENGINES[self.request.instance.dbms].fits
        fresh = beside(self.target, RESTORING, self.at, fits)
        before = (beside(self.target, BEFORE, self.at, fits),) if state.exists else ()
        header = self.whole.examination.header
        wanted = Wanted(
            target=self.target,
            names=(self.target, fresh, *before),
            replaces=state.exists,
            like=self.whole.like,
            version=header.server_version if header else None,
            facts=self.whole.facts,
            needs=needs,
            size=sum(table.size for table in self.whole.facts.tables),
            freed=self.server.size(self.target) if state.exists and not self._keeps(state) else 0,
        )
        return self.server.restore_problems(wanted)

    def _time(self, reading: float) -> tuple[float, str]:
        """The longest that is known: reading the artifact here, or the dump where it was made."""
        manifest = self.whole.examination.manifest
        dump = (manifest.finished - manifest.started).total_seconds() if manifest else 0.0
        return max((reading, "reading the artifact"), (dump, "taking the dump"))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
