"""Drilling: an artifact is restored into a throw-away server, dumped again, and found the same, or not.

The second dump is thrown away as it passes: the facts of both are compared, table by table. So a
verdict needs no production server, and says of every table what was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from python_backup.dump.choices import Choices
from python_backup.dump.dialect import Header
from python_backup.engines.scratch import Kept
from python_backup.engines.table import ENGINES
from python_backup.errors import (
    ArtifactError,
    BackupError,
    Refused,
    StatementFailed,
    StorageFailed,
    UsageError,
)
from python_backup.instance import Dbms, Instance, Tools
from python_backup.jobs.again import dumped_again
from python_backup.jobs.checks import CheckAnswered, DrillCheck, answered
from python_backup.jobs.compare import ObjectsCompared, compare_made, compare_numbers, compare_sequences
from python_backup.jobs.connected import connected
from python_backup.jobs.ground import Chosen, Ground, Grounds, Wanted, choose
from python_backup.jobs.limits import Drilled, Limits, kept
from python_backup.jobs.opened import opened_as_sql, peek
from python_backup.jobs.pace import paced
from python_backup.jobs.progress import Progress
from python_backup.jobs.proving import (
    TableProof,
    Unordered,
    enough,
    here,
    least,
    said,
    settled,
    table_proofs,
    version_number,
)
from python_backup.jobs.reading import FactsMeter
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.log.tell import timed
from python_backup.model import Facts
from python_backup.storage import proofs
from python_backup.storage.folder import manifest_of
from python_backup.storage.names import parse_path
from python_backup.storage.proofs import Equality, Proof, Verdict
from python_backup.storage.stores.place import Named
from python_backup.stream.apart import apart
from python_backup.stream.members import is_parts
from python_backup.stream.stage import Stage, through

TARGET = "drill"
"""The database that is restored into where neither the dump nor the file says its name."""


_STEPS = {
    "get": ("fetch", "examine"),
    "restore": ("load", "take_over"),
    "verify": ("compare", "dump", "check"),
    "start": ("start",),
}
"""Which of a drill's steps make up each part of the time to recover; ``index`` is parted from the load."""

_NOT_OF_THE_BACKUP = re.compile(
    r"\(SQLSTATE (?:53\w{3}|58\w{3}|57\w{3}|0A000)\)|\((?:1021|1030|1114|1115|1273|1286|1524)\)"
)
"""What a server refuses for its own sake: no room, no such extension, engine, collation or plugin."""


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """What to drill, and where. ``keep``: what it was restored into stays.

    ``bwlimit`` is how many bytes pass in a second, ``jobs`` see `Loading`. ``records`` is the folder whose
    artifact it is, None: the one that it is in. ``fetched`` are the seconds that it took to bring it here.
    """

    file: Path
    source: str | None = None
    grounds: Grounds = field(default_factory=Grounds)
    checks: tuple[DrillCheck, ...] = ()
    limits: Limits = field(default_factory=Limits)
    keep: bool = False
    bwlimit: int | None = None
    jobs: int = 1
    records: Path | None = None
    fetched: float = 0.0


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What one drill showed; ``reason`` says why it is not proven.

    ``server`` is the throw-away server, ``mariadb 10.11.19``. ``seconds`` has the time of each step:
    ``start``, those of the restore, ``dump`` and ``check``; ``indexing`` is a part of ``load``.
    ``bad_tables`` are those of which too little was shown. ``kept`` is how to reach what was kept.
    """

    file: Named
    started: datetime
    verdict: Verdict
    reason: str | None = None
    hint: str | None = None
    database: str | None = None
    server: str | None = None
    tables: tuple[TableProof, ...] = ()
    objects: tuple[ObjectsCompared, ...] = ()
    differences: tuple[str, ...] = ()
    checks: tuple[CheckAnswered, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    indexing: float = 0.0
    bad_tables: frozenset[str] = frozenset()
    kept: Kept | None = None

    def told(self, name: Named, saying: Callable[[str], str]) -> DrillReport:
        """The report on an artifact of this name, each sentence as it is to be said."""
        reason, hint = (text and saying(text) for text in (self.reason, self.hint))
        return replace(self, file=name, reason=reason, hint=hint, warnings=tuple(map(saying, self.warnings)))

    @property
    def equality(self) -> Equality | None:
        """The least that was shown of any table."""
        return least(self.tables)

    @property
    def recovery(self) -> dict[str, float]:
        """The time to recover by its parts, as `storage.proofs.Proof` has them, of those that took any."""
        parts = {part: sum(self.seconds.get(step, 0.0) for step in steps) for part, steps in _STEPS.items()}
        if "load" in self.seconds:
            parts |= {"restore": parts["restore"] - self.indexing, "index": self.indexing}
        order = ("get", "restore", "index", "verify", "start")
        return {part: round(parts[part], 3) for part in order if parts.get(part)}


def drill(request: DrillRequest, progress: Progress, now: Callable[[], datetime]) -> DrillReport:
    """Drills one artifact; what goes wrong is a verdict. Nothing is left running or on disk but what is kept.

    A record of it is left beside an artifact that has its manifest.

    Raises:
        UsageError: the dump holds several databases, and ``source`` names none of them; there is no such
            server.
    """
    begun = {"fetch": request.fetched} if request.fetched else {}
    report = _Drill(request, progress, now, now(), begun).run()
    try:
        record(request, report)
    except StorageFailed as exc:
        told = f"no record of this drill is kept: {exc.message}"
        return replace(report, warnings=(*report.warnings, told))
    return report


def unproven(file: Path, database: str, reason: str, now: datetime) -> DrillReport:
    """The report on a backup that was not drilled now, and whose proof is too old."""
    return DrillReport(
        file,
        now,
        Verdict.STALE,
        reason,
        "Drill it: give --all a larger --budget, or drill its --instance.",
        database=database,
    )


def record(request: DrillRequest, report: DrillReport) -> Path | None:
    """Keeps what the drill showed beside the artifact; None where that has no manifest.

    Raises:
        StorageFailed: it cannot be written.
    """
    try:
        manifest = manifest_of(request.file)
    except ArtifactError:
        return None
    if manifest is None:
        return None
    rows = sum(table.found or 0 for table in report.tables)
    artifact = manifest.artifact
    proof = Proof(
        request.file.name, artifact.sha256, manifest.instance, manifest.dbms, manifest.database,
        manifest.started, report.started, report.verdict, report.reason, report.equality, report.server,
        report.recovery, artifact.size, artifact.raw_size, rows, len(report.tables),
    )  # fmt: skip
    return proofs.keep(request.records or request.file.absolute().parent, proof)


@dataclass(frozen=True, slots=True)
class _Drill:
    """One drill under way."""

    request: DrillRequest
    progress: Progress
    now: Callable[[], datetime]
    started: datetime
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> DrillReport:
        """All steps in their order."""
        chosen: Chosen | None = None
        try:
            header = peek(self.request.file, Tools())
            chosen = self._chosen(header)
            with self._ground(chosen) as ground:
                report = self._shown(ground, header)
                if not self.request.keep:
                    return report
                return replace(report, kept=ground.keep(report.database or TARGET))
        except UsageError:
            raise
        except (ArtifactError, StatementFailed, Refused) as exc:
            own = isinstance(exc, StatementFailed) and _NOT_OF_THE_BACKUP.search(exc.message)
            return self._unproven(Verdict.ERROR if own else Verdict.FAILED, exc, chosen)
        except BackupError as exc:
            return self._unproven(Verdict.ERROR, exc, chosen)

    def _shown(self, ground: Ground, header: Header | None) -> DrillReport:
        instance = ground.instance
        report = self._restored(ground)
        meter = FactsMeter(ENGINES[instance.dbms].dialect, report.target)
        self._dumped(instance, report.target, meter)
        facts = meter.counter.result()
        elsewhere = report.changes.elsewhere
        report = replace(report, facts=here(report.facts, elsewhere))
        facts = here(facts, elsewhere)
        tables = tuple(table_proofs(report.facts, facts, report.clock.tables))
        tables = self._in_any_order(instance, report, tables, by_value=False)
        if Equality.SAME_COUNT in enough(report.manifest, ground.number):  # another tool may have written it
            tables = self._in_any_order(instance, report, tables, by_value=True)
        proof = self._proof(report, (tables, facts), ground, header)
        return self._held(proof, (*self._limits(report, facts), *self._answers(instance, report)))

    def _chosen(self, header: Header | None) -> Chosen:
        """The server that is closest to the one that was dumped."""
        manifest = manifest_of(self.request.file)
        version = manifest.server_version if manifest else header.server_version if header else None
        if manifest is not None:
            dbms = manifest.dbms
        else:
            dbms = _dbms(header.family if header else "postgresql", version)
        return choose(self.request.grounds, Wanted(dbms, version_number(version)), self.progress)

    @contextmanager
    def _ground(self, chosen: Chosen) -> Iterator[Ground]:
        with timed("start", self.seconds), self.progress.step(f"starting {chosen.name}"):
            starting: AbstractContextManager[Ground] = chosen.open()
            ground = starting.__enter__()
        try:
            yield self._held_back(ground)
        finally:
            starting.__exit__(None, None, None)

    def _held_back(self, ground: Ground) -> Ground:
        """The server, and how fast bytes may pass."""
        instance, limit = ground.instance, self.request.bwlimit
        if limit is None:
            return ground
        throttle = replace(instance.throttle, bwlimit=limit)
        return replace(ground, instance=replace(instance, throttle=throttle))

    def _restored(self, ground: Ground) -> RestoreReport:
        """Definers, events and names stay as dumped, so that the second dump can be the same.

        On a server that is not this drill's own events stay disabled, and nothing has another owner.
        """
        file, instance, own = self.request.file, ground.instance, ground.database is None
        name = parse_path(file)
        manifest = manifest_of(file)
        choices = Choices(
            definer="keep" if own else "current", events="keep" if own else "disable", no_acl=True,
            stand_ins=True, owner=instance.account if instance.dbms is Dbms.POSTGRESQL else None,
        )  # fmt: skip
        request = RestoreRequest(
            file, instance, source=self.request.source, force=True, verify=False, choices=choices,
            target=ground.database or (None if manifest or name else TARGET), jobs=self.request.jobs,
        )  # fmt: skip
        report = restore(request, lambda _: True, self.progress, self.now)
        self.seconds.update(report.seconds)
        return report

    def _dumped(self, instance: Instance, database: str, meter: Stage) -> None:
        """Dumps again, by the same code that took the first dump; nothing of it is kept."""
        parts = is_parts(self.request.file)
        with (
            timed("dump", self.seconds),
            connected(instance) as server,
            dumped_again(server, database, instance.limits, parts=parts) as dump,
            self.progress.step(f"dumping {database} again") as step,
            paced(instance, self.progress, dump.forgive) as pace,
            apart(pace.over(dump.blocks)) as blocks,
        ):
            for block in through(blocks, meter):
                step.advance(len(block))

    def _in_any_order(
        self, instance: Instance, report: RestoreReport, tables: tuple[TableProof, ...], *, by_value: bool
    ) -> tuple[TableProof, ...]:
        """Looks once more at tables of as many rows that are not identical: the order may be another."""
        unsure = frozenset(table.table for table in tables if table.equality is Equality.SAME_COUNT)
        if not unsure:
            return tables
        dialect = ENGINES[instance.dbms].dialect
        before, after = (
            Unordered(dialect, source, unsure, by_value=by_value) for source in (report.source, report.target)
        )
        with opened_as_sql(self.request.file, instance.tools) as blocks:
            for _ in through(blocks, before):
                pass
        self._dumped(instance, report.target, after)
        return tuple(settled(tables, before.digests.result(), after.digests.result()))

    def _proof(
        self,
        report: RestoreReport,
        found: tuple[tuple[TableProof, ...], Facts],
        ground: Ground,
        header: Header | None,
    ) -> DrillReport:
        tables, facts = found
        wanted = enough(report.manifest, ground.number)
        named = header is not None and header.tool is not None
        alike = ground.database is None and Equality.SAME_COUNT not in wanted
        objects = compare_made(report.facts, facts, named=named, alike=alike)
        differences = (
            *compare_sequences(report.facts.sequences, facts.sequences),
            *compare_numbers(report.facts.next_numbers, facts.next_numbers, least=True),
        )
        bad = tuple(table for table in tables if table.equality not in wanted)
        reasons = [
            *(f"table {table.table}: {said(table)}" for table in bad),
            *(f"{o.kind}: {o.told}" for o in objects if not o.equal),
            *differences,
        ]
        return DrillReport(
            self.request.file,
            self.started,
            Verdict.FAILED if reasons else Verdict.PROVEN,
            "; ".join(reasons) or None,
            database=report.target,
            server=ground.name,
            tables=tables,
            objects=objects,
            differences=differences,
            warnings=(*ground.warnings, *report.warnings),
            seconds=self.seconds,
            indexing=report.clock.indexing,
            bad_tables=frozenset(table.table for table in bad),
        )

    def _limits(self, report: RestoreReport, facts: Facts) -> Iterator[CheckAnswered]:
        database = report.source or report.target
        drilled = Drilled(self.request.file, database, report.manifest, facts)
        return kept(self.request.limits, drilled, self.started)

    def _answers(self, instance: Instance, report: RestoreReport) -> Iterator[CheckAnswered]:
        """The answers to one's own questions."""
        if self.request.checks:
            with timed("check", self.seconds), connected(instance) as server:
                yield from answered(server, report.target, report.source, self.request.checks)

    def _held(self, proof: DrillReport, checks: tuple[CheckAnswered, ...]) -> DrillReport:
        """The proof with limits and answers, each that is not as expected a reason."""
        reasons = [check.reason for check in checks if not check.ok]
        if not reasons:
            return replace(proof, checks=checks)
        reason = "; ".join([*([proof.reason] if proof.reason else []), *reasons])
        return replace(proof, checks=checks, verdict=Verdict.FAILED, reason=reason)

    def _unproven(self, verdict: Verdict, exc: BackupError, chosen: Chosen | None) -> DrillReport:
        server = None if chosen is None else chosen.name
        return DrillReport(
            self.request.file,
            self.started,
            verdict,
            exc.message,
            exc.hint,
            server=server,
            seconds=self.seconds,
        )


def _dbms(family: str, version: str | None) -> Dbms:
    if family == "postgresql":
        return Dbms.POSTGRESQL
    return Dbms.MARIADB if "mariadb" in (version or "").lower() else Dbms.MYSQL
