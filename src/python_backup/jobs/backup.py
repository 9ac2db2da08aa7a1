"""Backing up: every chosen database of every chosen instance, each on its own.

One pass: the dump is summed and counted in a thread beside the one that compresses and writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from python_backup import __version__
from python_backup.dump.spans import SpanCounter
from python_backup.engines.engine import DumpPlan, Lack, Server
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactCorrupt, BackupError, DatabaseMissing, ServerError, ToolFailed
from python_backup.jobs import inventory
from python_backup.jobs.connected import connected
from python_backup.jobs.locking import working_on
from python_backup.jobs.pace import paced
from python_backup.jobs.progress import Progress, Step
from python_backup.jobs.reading import FactsMeter
from python_backup.jobs.room import room_for
from python_backup.jobs.selection import Selection, select_databases
from python_backup.jobs.tries import Tries, Waits
from python_backup.log.events import Event
from python_backup.log.tell import about, explained, tell, timed
from python_backup.model import Artifact, Backup, Facts, Format, Instance, Manifest
from python_backup.policy.anomalies import Expectation, suspicions
from python_backup.storage.earlier import Wanted, last_good
from python_backup.storage.folder import Storing, storing
from python_backup.storage.locks import Locks
from python_backup.storage.names import ArtifactName, artifact_name, stem
from python_backup.stream.apart import apart
from python_backup.stream.codecs import CODECS, Member
from python_backup.stream.frames import FrameEncoder
from python_backup.stream.meters import Sha256Meter
from python_backup.stream.stage import Stage, through

Outcome = Literal["done", "partial", "suspect", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What to back up and how. No ``databases``: all that the instance's patterns leave.

    ``level`` None is the format's own default. ``locks`` None: the caller has the databases' locks.
    ``waits`` is how it waits between two tries. ``look`` says what is unwise about an instance that was
    reached; ``expect`` what an instance's database should hold.
    """

    instances: tuple[Instance, ...]
    databases: tuple[str, ...]
    folder: Path
    format: Format
    level: int | None = None
    dry_run: bool = False
    locks: Locks | None = None
    waits: Waits = field(default_factory=Waits)
    look: Callable[[Instance, Server], Iterable[str]] = lambda _instance, _server: ()
    expect: Callable[[Instance, str], Expectation] = lambda _instance, _database: Expectation()


@dataclass(frozen=True, slots=True)
class DatabaseResult:
    """How one database fared; ``database`` is None when its whole instance could not be used.

    ``partial``: the backup is kept, and ``manifest.errors`` says what may be missing. ``suspect``: it is
    whole and kept, and ``manifest.suspect`` says by table what is not as expected.
    ``planned``: a dry run; ``command`` is what would be run, ``path`` what it would write.
    ``attempts`` is how often it was tried; 0: its instance was found down before.
    """

    instance: Instance
    database: str | None
    outcome: Outcome
    seconds: float = 0.0
    path: Path | None = None
    manifest: Manifest | None = None
    command: tuple[str, ...] = ()
    error: BackupError | None = None
    warnings: tuple[str, ...] = ()
    attempts: int = 1


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
        _told(result) if isinstance(result.error, DatabaseMissing) else result
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
            for told in request.look(instance, server):
                progress.note(f"{instance.label}: {told}")
            for name in selection.missing:
                error = DatabaseMissing(
                    f"instance {instance.label} has no database {name!r}",
                    hint=f"It has: {', '.join(present) or 'none but its own'}.",
                )
                yield _told(DatabaseResult(instance, name, "failed", error=error))
            down: BackupError | None = None
            for name in selection.databases:
                if down is not None:
                    yield _told(DatabaseResult(instance, name, "failed", error=down, attempts=0))
                    continue
                result = _DatabaseBackup(request, instance, name, progress, now).run(server)
                down = _down(server, result)
                yield result
            if not selection.databases and not selection.missing:
                progress.note(f"instance {instance.label} has no database to back up")
    except BackupError as exc:
        failed = DatabaseResult(instance, None, "failed", seconds=monotonic() - begun, error=exc)
        yield _told(replace(failed, attempts=tries.made))


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


@dataclass(frozen=True, slots=True)
class _Source:
    """What the server says of the database before the dump begins."""

    server: Server
    database: str
    lacks: tuple[Lack, ...]
    expected: inventory.Objects

    @classmethod
    def look(cls, server: Server, database: str) -> _Source:
        return cls(server, database, server.lacks(database), server.expected(database))

    @property
    def unseen(self) -> tuple[str, ...]:
        """What a dump that ends well lacks without a word."""
        return tuple(str(lack) for lack in self.lacks if lack.silent)

    @property
    def denied(self) -> tuple[str, ...]:
        """What the dump tool fails on, or reports by itself, unless its options leave it out."""
        return tuple(str(lack) for lack in self.lacks if not lack.silent)

    @property
    def told(self) -> tuple[str, ...]:
        return tuple(map(str, self.lacks))

    def missing_in(self, held: Facts) -> inventory.Objects:
        """What the dump should hold and does not."""
        return inventory.missing(self.expected, held.objects, lambda: self.server.expected(self.database))


@dataclass(frozen=True, slots=True)
class _DatabaseBackup:
    """One database's backup under way."""

    request: BackupRequest
    instance: Instance
    database: str
    progress: Progress
    now: Callable[[], datetime]

    @property
    def format(self) -> Format:
        """The instance's own archive format wins over the run's compression."""
        return Format.CUSTOM if self.instance.custom_format else self.request.format

    def run(self, server: Server) -> DatabaseResult:
        """The result, good or bad; only a signal is raised."""
        with about(instance=self.instance.id, database=self.database):
            return _told(self._ran(server))

    def _ran(self, server: Server) -> DatabaseResult:
        begun, instance = monotonic(), self.instance
        what = f"{instance.label}, {self.database}"
        tries = Tries(instance.retry, what, self.progress, self.request.waits, within=instance.limits.timeout)
        try:
            result = tries.run(lambda: self._tried(server, tries))
        except BackupError as exc:
            result = self._result("failed", error=exc)
        return replace(result, seconds=monotonic() - begun, attempts=tries.made)

    def _tried(self, server: Server, tries: Tries) -> DatabaseResult:
        """One try, from the start; raises what failed it."""
        limits = replace(self.instance.limits, timeout=tries.left)  # a wait for the lock does not shorten it
        with working_on(self.request.locks, server, self.instance, self.database):
            started = self.now()
            with timed("inspect"):
                plan = server.plan_dump(self.database, limits)
                source = _Source.look(server, self.database)
            if self.request.dry_run:
                path = self.request.folder / artifact_name(self._name(started))
                return self._result("planned", path=path, command=plan.command, warnings=source.told)
            backup = self._whole(plan, source, started, tries)
        manifest = backup.manifest
        if manifest is None:
            raise AssertionError("committed without a manifest")
        return self._result(
            "partial" if manifest.partial else "suspect" if manifest.suspect else "done",
            path=backup.path,
            manifest=manifest,
            command=plan.command,
            warnings=manifest.warnings,
        )

    def _result(self, outcome: Outcome, **found: Any) -> DatabaseResult:
        return DatabaseResult(self.instance, self.database, outcome, **found)

    def _name(self, started: datetime) -> ArtifactName:
        return ArtifactName(started.astimezone(), self.instance.dbms, self.database, self.format)

    def _whole(self, plan: DumpPlan, source: _Source, started: datetime, tries: Tries) -> Backup:
        """Writes the backup; a dump that ends amid something is its tool's failure, not a bad artifact's."""
        try:
            return self._write(plan, source, started, tries)
        except ArtifactCorrupt as exc:
            raise ToolFailed(
                f"{plan.client} left off amid the dump of {self.database!r}: {exc.message}"
            ) from exc

    def _write(self, plan: DumpPlan, source: _Source, started: datetime, tries: Tries) -> Backup:
        """Dumps into the folder; commits only what is whole."""
        codec = CODECS[self.format]
        member = Member(stem(started.astimezone(), self.instance.dbms, self.database) + ".sql", started)
        encoder = codec.encoder(self.request.level, member)
        spans = SpanCounter() if isinstance(encoder, FrameEncoder) else None
        facts = FactsMeter(ENGINES[self.instance.dbms].dialect, self.database, spans)
        raw, stored = Sha256Meter(), Sha256Meter()
        measured: tuple[Stage, ...] = (raw,) if self.instance.custom_format else (raw, facts)
        wanted = Wanted(self.instance.id, self.instance.dbms, self.database, self.format)
        room, tight = room_for(self.request.folder, wanted, lambda: source.server.size(self.database))
        with (
            storing(self.request.folder, self._name(started)) as sink,
            plan.start() as dump,
            paced(self.instance, self.progress) as pace,
        ):
            pace.held = tries.forgiving(dump.forgive)
            with (
                timed("dump") as told,
                self.progress.step(f"dumping {self.instance.name}/{self.database}") as step,
                apart(through(pace.over(dump.blocks), *measured)) as blocks,
            ):
                for block in room.watched(through(_telling(blocks, step), encoder, stored)):
                    sink.write(block)
                told |= {"bytes": raw.size, "rows": facts.counter.result().rows or None}
            if self.instance.custom_format:
                self._read_back(sink, facts, tries.left)
            self._check_end(plan, facts)
            if dump.passing and not tries.last:
                raise ToolFailed(f"{plan.client} left something out: {dump.errors[0]}", transient=True)
            held = facts.counter.result()
            missing = source.missing_in(held)
            frames = tuple(encoder.digests) if isinstance(encoder, FrameEncoder) else ()
            return sink.commit(
                Manifest(
                    program=f"vya-backupdb {__version__}",
                    instance=self.instance.id,
                    dbms=self.instance.dbms,
                    database=self.database,
                    started=started,
                    finished=self.now(),
                    server_version=source.server.version,
                    client=plan.client,
                    client_version=plan.client_version,
                    command=plan.command,
                    artifact=Artifact(
                        file=sink.partial.name,
                        format=self.format,
                        raw_size=raw.size,
                        raw_sha256=raw.hexdigest,
                        size=stored.size,
                        sha256=stored.hexdigest,
                        frames=frames,
                    ),
                    facts=held,
                    errors=(*dump.errors, *inventory.sentences(missing), *source.unseen),
                    warnings=(*tight, *source.denied, *dump.warnings, *pace.warnings),
                    missing=missing,
                    attempts=tries.made,
                    suspect=self._suspect(held, wanted),
                    accepted=self.request.expect(self.instance, self.database).accepted,
                    spans=spans.result() if spans is not None else {},
                )
            )

    def _suspect(self, held: Facts, wanted: Wanted) -> Mapping[str, str]:
        """By table what is not as expected, beside the last good backup."""
        expected = self.request.expect(self.instance, self.database)
        before = None
        if expected.max_shrink is not None or expected.min_rows:
            before = last_good(self.request.folder, replace(wanted, format=None))
        return suspicions(held, before.facts if before else None, expected)

    def _read_back(self, sink: Storing, facts: FactsMeter, timeout: float | None) -> None:
        """The facts of an archive, read from what was just written: its stream holds no plain SQL."""
        from python_backup.engines.postgresql.archive import archive_as_sql  # noqa: PLC0415 - brings a driver

        with (
            timed("read_back"),
            self.progress.step(f"reading back {self.database}"),
            archive_as_sql(sink.partial, self.instance.tools, timeout=timeout) as blocks,
        ):
            for _ in through(blocks, facts):
                pass

    def _check_end(self, plan: DumpPlan, facts: FactsMeter) -> None:
        """A dump tool may end well and yet have left off: it must have written its end mark."""
        if not facts.lexer.complete:
            raise ToolFailed(
                f"{plan.client} ended the dump of {self.database!r} without its end mark",
                hint="If the instance's options hold --skip-comments or --compact, take them out.",
            )


def _told(result: DatabaseResult) -> DatabaseResult:
    """Tells the log how a database fared, and gives that on."""
    manifest, seconds = result.manifest, round(result.seconds, 3)
    with about(instance=result.instance.id, database=result.database):
        if result.error is not None:
            tell(Event.DATABASE_FAILED, result.error.message, **explained(result.error), seconds=seconds)
        elif manifest is not None:
            stored: dict[str, Any] = {"path": result.path, "bytes": manifest.artifact.size}
            stored |= {"rows": manifest.facts.rows, "seconds": seconds}
            if manifest.partial:
                why = "the backup may lack something"
                tell(Event.DATABASE_PARTIAL, why, **stored, errors=manifest.errors)
            if manifest.suspect:
                tell(
                    Event.DATABASE_SUSPECT,
                    "the backup is not as expected",
                    **stored,
                    suspect=manifest.suspect,
                )
            if manifest.good:
                tell(Event.DATABASE_DONE, "backed up", **stored)
    return result


def _telling(blocks: Iterable[bytes], step: Step) -> Iterator[bytes]:
    for block in blocks:
        step.advance(len(block))
        yield block
