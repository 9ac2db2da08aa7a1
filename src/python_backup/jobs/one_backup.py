"""One database's backup: its dump is asked for, read once, and published when it is whole.

One pass: the dump is summed and counted in a thread beside the one that compresses and writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from python_backup import __version__
from python_backup.engines.engine import DumpPlan, DumpStream, Server
from python_backup.engines.parts import PartsPlan, PartsSource
from python_backup.engines.table import ENGINES
from python_backup.errors import ArtifactCorrupt, BackupError, ToolFailed
from python_backup.instance import Instance
from python_backup.jobs import inventory
from python_backup.jobs.ahead import Ahead, asked
from python_backup.jobs.locking import working_on
from python_backup.jobs.pace import Pace, paced
from python_backup.jobs.progress import Progress, Step
from python_backup.jobs.results import DatabaseResult, Outcome, told
from python_backup.jobs.room import room_for
from python_backup.jobs.source import Source
from python_backup.jobs.tries import Tries
from python_backup.late import late
from python_backup.log.tell import about, timed
from python_backup.model import Artifact, Backup, Facts, Format, Manifest
from python_backup.policy.anomalies import suspicions
from python_backup.storage.earlier import Listing, Wanted, last_good
from python_backup.storage.folder import Storing, storing
from python_backup.storage.names import ArtifactName, artifact_name, stem
from python_backup.stream.apart import apart
from python_backup.stream.bounds import Bounds, Silence
from python_backup.stream.meters import Sha256Meter
from python_backup.stream.stage import Stage, through

if TYPE_CHECKING:
    from python_backup.dump import spans
    from python_backup.jobs import reading
    from python_backup.jobs.backup import BackupRequest
    from python_backup.jobs.parts import writing
    from python_backup.storage import parts
    from python_backup.stream import codecs, frames
else:
    (writing,) = late("python_backup.jobs.parts", "writing")  # most backups are no parts
    (parts,) = late("python_backup.storage", "parts")
    (spans,) = late("python_backup.dump", "spans")  # the dump tool is at work when these are first used
    (reading,) = late("python_backup.jobs", "reading")
    codecs, frames = late("python_backup.stream", "codecs frames")


@dataclass(frozen=True, slots=True)
class _Taken:
    """A dump that came to its end, in whatever form, and what was told while it was taken."""

    plan: DumpPlan | PartsPlan
    source: Source
    started: datetime
    dump: DumpStream | PartsSource
    attempts: int
    tight: Iterable[str]
    pace: Pace


@dataclass(frozen=True, slots=True)
class DatabaseBackup:
    """One database's backup under way."""

    request: BackupRequest
    instance: Instance
    database: str
    progress: Progress
    now: Callable[[], datetime]
    ahead: Ahead
    seen: Listing

    @property
    def format(self) -> Format:
        """The instance's own archive format wins over the run's compression."""
        return Format.CUSTOM if self.instance.custom_format else self.request.format

    def run(self, server: Server) -> DatabaseResult:
        """The result, good or bad; only a signal is raised."""
        with about(instance=self.instance.id, database=self.database):
            return told(self._ran(server))

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
        if tries.made > 1:
            self.ahead.end()
        limits = replace(self.instance.limits, timeout=tries.left)  # a wait for the lock does not shorten it
        with working_on(self.request.locks, server, self.instance, self.database):
            started = self.now()
            with timed("inspect"):
                known = self.ahead.of(self.database, server) or asked(
                    server, self.database, limits, self.request.parts
                )
                plan, source = known.plan, known.source
            if self.request.dry_run:
                stored = Format.PARTS if isinstance(plan, PartsPlan) else self.format
                path = self.request.folder / artifact_name(self._name(started, stored))
                warnings = (*source.told_off, *source.told)
                return self._result("planned", path=path, command=plan.command, warnings=warnings)
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

    def _name(self, started: datetime, stored: Format) -> ArtifactName:
        return ArtifactName(started.astimezone(), self.instance.dbms, self.database, stored)

    def _whole(self, plan: DumpPlan | PartsPlan, source: Source, started: datetime, tries: Tries) -> Backup:
        """Writes the backup; a dump that ends amid something is its tool's failure, not a bad artifact's."""
        try:
            if isinstance(plan, PartsPlan):
                return self._write_parts(plan, source, started, tries)
            return self._write(plan, source, started, tries)
        except ArtifactCorrupt as exc:
            raise ToolFailed(
                f"{plan.client} left off amid the dump of {self.database!r}: {exc.message}"
            ) from exc

    def _write(self, plan: DumpPlan, source: Source, started: datetime, tries: Tries) -> Backup:
        """Dumps into the folder; commits only what is whole.

        What only the stream needs is made when the dump tool is at work: it asks its server much first.
        """
        room, tight = room_for(self.request.folder, self._wanted, lambda: source.server.size(self.database))
        with (
            storing(self.request.folder, self._name(started, self.format)) as sink,
            plan.start() as dump,
            paced(self.instance, self.progress) as pace,
        ):
            pace.held = tries.forgiving(dump.forgive)
            encoder = self._encoder(started)
            framed = encoder if isinstance(encoder, frames.FrameEncoder) else None
            large = spans.SpanCounter() if framed else None
            facts = reading.FactsMeter(ENGINES[self.instance.dbms].dialect, self.database, large)
            raw, stored = Sha256Meter(), Sha256Meter()
            measured: tuple[Stage, ...] = (raw,) if self.instance.custom_format else (raw, facts)
            with (
                timed("dump") as noted,
                self.progress.step(f"dumping {self.instance.name}/{self.database}") as step,
                apart(through(pace.over(dump.blocks), *measured)) as blocks,
            ):
                for block in room.watched(through(_telling(blocks, step), encoder, stored)):
                    sink.write(block)
                noted |= {"bytes": raw.size, "rows": facts.counter.result().rows or None}
            if self.instance.custom_format:
                self._read_back(sink, facts, tries.left)
            self._check_end(plan, facts)
            self._refuse_passing(plan, dump, tries)
            digests = tuple(framed.digests) if framed else ()
            artifact = Artifact(
                sink.partial.name,
                self.format,
                raw.size,
                raw.hexdigest,
                stored.size,
                stored.hexdigest,
                digests,
            )
            taken = _Taken(plan, source, started, dump, tries.made, tight, pace)
            manifest = self._manifest(taken, facts.counter.result(), artifact)
            return sink.commit(replace(manifest, spans=large.result() if large is not None else {}))

    def _encoder(self, started: datetime) -> Stage:
        member = stem(started.astimezone(), self.instance.dbms, self.database) + ".sql"
        return codecs.CODECS[self.format].encoder(self.request.level, codecs.Member(member, started))

    def _write_parts(self, plan: PartsPlan, source: Source, started: datetime, tries: Tries) -> Backup:
        """Reads all parts under one snapshot into a folder; commits only what is whole."""
        wanted = replace(self._wanted, format=Format.PARTS)
        room, tight = room_for(self.request.folder, wanted, lambda: source.server.size(self.database))
        with (
            parts.storing_parts(self.request.folder, self._name(started, Format.PARTS)) as new,
            plan.start() as dump,
            paced(self.instance, self.progress, sessions=dump.lanes) as pace,
        ):
            with (
                timed("dump") as noted,
                self.progress.step(f"dumping {self.instance.name}/{self.database}") as step,
            ):
                level = self.request.level if self.request.format is Format.ZSTD else None
                dialect = ENGINES[self.instance.dbms].dialect
                writer = writing.PartsWriter(new, dialect, self.database, level, room, started, (pace, step))
                bounds = Bounds(tries.left, Silence())
                pace.held = tries.forgiving(bounds.forgive)
                written = writer.write(dump, bounds)
                noted |= {"bytes": sum(p.raw_size for p in written.parts), "rows": written.facts.rows or None}
            self._refuse_passing(plan, dump, tries)
            artifact = Artifact("", Format.PARTS, 0, "", 0, "")
            taken = _Taken(plan, source, started, dump, tries.made, tight, pace)
            manifest = self._manifest(taken, written.facts, artifact)
            return new.commit(replace(manifest, parts=written.parts), plan.restoring)

    def _refuse_passing(
        self, plan: DumpPlan | PartsPlan, dump: DumpStream | PartsSource, tries: Tries
    ) -> None:
        """A dump that lacks something which another try may give is tried again."""
        if dump.passing and not tries.last:
            raise ToolFailed(f"{plan.client} left something out: {dump.errors[0]}", transient=True)

    @property
    def _wanted(self) -> Wanted:
        return Wanted(self.instance.id, self.instance.dbms, self.database, self.format, self.seen)

    def _manifest(self, taken: _Taken, held: Facts, artifact: Artifact) -> Manifest:
        """What is said of the backup, whatever its form."""
        plan, source, dump = taken.plan, taken.source, taken.dump
        missing = source.missing_in(held)
        return Manifest(
            program=f"vya-backupdb {__version__}",
            instance=self.instance.id,
            dbms=self.instance.dbms,
            database=self.database,
            started=taken.started,
            finished=self.now(),
            server_version=source.server.version,
            client=plan.client,
            client_version=plan.client_version,
            command=plan.command,
            artifact=artifact,
            facts=held,
            errors=(*dump.errors, *inventory.sentences(missing), *source.unseen),
            warnings=(*taken.tight, *source.told_off, *source.denied, *dump.warnings, *taken.pace.warnings),
            attempts=taken.attempts,
            missing=missing,
            suspect=self._suspect(held, self._wanted),
            accepted=self.request.expect(self.instance, self.database).accepted,
        )

    def _suspect(self, held: Facts, wanted: Wanted) -> Mapping[str, str]:
        """By table what is not as expected, beside the last good backup."""
        expected = self.request.expect(self.instance, self.database)
        before = None
        if expected.max_shrink is not None or expected.min_rows:
            before = last_good(self.request.folder, replace(wanted, format=None))
        return suspicions(held, before.facts if before else None, expected)

    def _read_back(self, sink: Storing, facts: reading.FactsMeter, timeout: float | None) -> None:
        """The facts of an archive, read from what was just written: its stream holds no plain SQL."""
        from python_backup.engines.postgresql.archive import archive_as_sql  # noqa: PLC0415 - brings a driver

        with (
            timed("read_back"),
            self.progress.step(f"reading back {self.database}"),
            archive_as_sql(sink.partial, self.instance.tools, timeout=timeout) as blocks,
        ):
            for _ in through(blocks, facts):
                pass

    def _check_end(self, plan: DumpPlan, facts: reading.FactsMeter) -> None:
        """A dump tool may end well and yet have left off: it must have written its end mark."""
        if not facts.lexer.complete:
            raise ToolFailed(
                f"{plan.client} ended the dump of {self.database!r} without its end mark",
                hint="If the instance's options hold --skip-comments or --compact, take them out.",
            )


def _telling(blocks: Iterable[bytes], step: Step) -> Iterator[bytes]:
    for block in blocks:
        step.advance(len(block))
        yield block
