"""Whether the alarms ring: copies of a backup are damaged on purpose, and each is drilled.

The backup itself is drilled first: where that is not proven, a damaged copy that is not proves nothing.
Copies lie in a private folder, one at a time; the original is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from python_backup.errors import StorageFailed
from python_backup.instance import Dbms, Tools
from python_backup.jobs.copies import Copier
from python_backup.jobs.damages import DAMAGES, ContentDamage, Damage, StoredDamage, Undamaged
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.examine import Examination, Examiner
from python_backup.jobs.ground import Grounds
from python_backup.jobs.opened import opened_as_sql
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import pieces_of
from python_backup.log.tell import timed
from python_backup.model import Artifact, Facts, Manifest
from python_backup.storage.names import parse_path
from python_backup.storage.proofs import Verdict
from python_backup.storage.room import free_in
from python_backup.stream.artifact import stored_digest
from python_backup.stream.private import private_files

UNTOUCHED = "none"
"""What the drill of the backup itself is called."""

_TABLES_TRIED = 5
_MARGIN = 1.2
_NOT_MADE = "no table has rows that it could be done to"


@dataclass(frozen=True, slots=True)
class SelftestRequest:
    """Which backup; ``source`` is its database, of a file that holds several. ``programs`` as for drills."""

    file: Path
    source: str | None = None
    programs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """One damage, what should have rung, and what did.

    ``table`` is the damaged one. ``verdict`` None: the damage could not be done, and ``reason`` says why.
    """

    damage: str
    done: str
    expected: Verdict
    table: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    seconds: float = 0.0

    @property
    def rang(self) -> bool | None:
        """Whether it was as expected; None where nothing can be told."""
        if self.verdict in {None, Verdict.ERROR}:
            return None
        return self.verdict is self.expected


@dataclass(frozen=True, slots=True)
class SelftestReport:
    """What every alarm did; the first is the backup itself, which must not ring."""

    file: Path
    database: str | None
    alarms: tuple[Alarm, ...]
    warnings: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the backup was proven and every damage was noticed."""
        return all(alarm.rang for alarm in self.alarms if alarm.verdict is not None)

    @property
    def silent(self) -> bool:
        """Whether an alarm that should have rung did not, or one rang for the backup itself."""
        return any(alarm.rang is False for alarm in self.alarms)


def selftest(
    request: SelftestRequest,
    progress: Progress,
    now: Callable[[], datetime],
    damages: tuple[Damage, ...] = DAMAGES,
) -> SelftestReport:
    """Drills the backup and its damaged copies; nothing of them is left.

    Raises:
        ArtifactMissing: there is no such file.
        StorageFailed: there is no room for a copy and what is restored of it.
        UsageError: the dump holds several databases, and ``source`` names none of them.
    """
    with timed("examine"):
        seen = Examiner(progress).examine(request.file, request.source)
    work = _Selftest(request, seen, progress, now)
    alarms = [work.untouched()]
    if alarms[0].rang:
        alarms += (work.alarm(damage) for damage in damages)
    return SelftestReport(request.file, work.manifest.database, tuple(alarms), tuple(work.warnings()))


@dataclass(frozen=True, slots=True)
class _Selftest:
    """One self-test under way."""

    request: SelftestRequest
    seen: Examination
    progress: Progress
    now: Callable[[], datetime]
    manifest: Manifest = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "manifest", self.seen.manifest or _stated(self.seen, self.now()))

    def warnings(self) -> Iterator[str]:
        if self.seen.manifest is None:
            yield (
                "there is no manifest beside it: the copies were given one, counted in the file itself;"
                " without it, a drill would not miss what is no longer in the file"
            )

    def untouched(self) -> Alarm:
        """The backup as it is, under a link, so that not even the drill's record lies beside it."""
        with private_files({}) as folder:
            for beside in self.request.file.parent.glob(f"{_escaped(self.request.file.name)}*"):
                (folder / beside.name).symlink_to(beside.resolve())
            self._check_room(folder)
            alarm = Alarm(UNTOUCHED, "the backup as it is", Verdict.PROVEN)
            return self._drilled(alarm, folder / self.request.file.name)

    def alarm(self, damage: Damage) -> Alarm:
        """Makes one damaged copy and drills it."""
        if isinstance(damage, StoredDamage):
            alarm = Alarm(damage.name, damage.done, Verdict.FAILED)
            with private_files({}) as folder:
                copy = Copier(self.manifest).stored(folder, self.request.file.resolve(), damage.alter)
                return self._drilled(alarm, copy)
        for table in self._tables(damage.rows):
            alarm = Alarm(damage.name, damage.done.format(table=table), Verdict.FAILED, table)
            with private_files({}) as folder:
                try:
                    return self._drilled(alarm, self._content(damage, table, folder))
                except Undamaged:
                    continue
        return Alarm(damage.name, damage.done.format(table="a table"), Verdict.FAILED, reason=_NOT_MADE)

    def _content(self, damage: ContentDamage, table: str, folder: Path) -> Path:
        dialect = self.seen.dialect
        if dialect is None:
            raise AssertionError("a backup that was proven and not read")
        with (
            self.progress.step(f"making a copy: {damage.name}"),
            opened_as_sql(self.request.file, Tools()) as blocks,
        ):
            changed = damage.alter(pieces_of(blocks, dialect.lexer()), dialect, table)
            return Copier(self.manifest).content(folder, changed)

    def _tables(self, least: int) -> list[str]:
        """The tables with the most rows, of those that have so many."""
        tables = [table for table in self.manifest.facts.tables if (table.rows or 0) >= least]
        tables.sort(key=lambda table: table.rows or 0, reverse=True)
        return [table.name for table in tables[:_TABLES_TRIED]]

    def _drilled(self, alarm: Alarm, file: Path) -> Alarm:
        begun = monotonic()
        report: DrillReport = drill(
            DrillRequest(file, self.request.source, Grounds(programs=self.request.programs)),
            self.progress,
            self.now,
        )
        reason = report.reason and report.reason.replace(f"{file.parent}/", "")
        return replace(alarm, verdict=report.verdict, reason=reason, seconds=round(monotonic() - begun, 3))

    def _check_room(self, folder: Path) -> None:
        """A copy and what is restored of it lie there at a time."""
        free, reserve = free_in(folder)
        held = sum(table.size for table in self.manifest.facts.tables)
        wanted = int((self.seen.size + held) * _MARGIN) + reserve
        if free is not None and free < wanted:
            raise StorageFailed(
                f"{folder.parent} has no room for a self-test: {free:,} bytes are free,"
                f" about {wanted:,} are needed",
                hint="Set TMPDIR to a folder on another file system.",
            )


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _stated(seen: Examination, at: datetime) -> Manifest:
    """A manifest of a file that has none: what was counted in it is what it should hold."""
    header, name = seen.header, parse_path(seen.path)
    version = (header.server_version if header else None) or ""
    postgresql = header is None or header.family == "postgresql"
    mysql = Dbms.MARIADB if "mariadb" in version.lower() else Dbms.MYSQL
    stored = stored_digest(seen.path, "sha256").hexdigest()
    return Manifest(
        program="vya-backupdb selftest",
        instance="selftest",
        dbms=Dbms.POSTGRESQL if postgresql else mysql,
        database=seen.source or (name.database if name else "selftest"),
        started=seen.taken or at,
        finished=at,
        server_version=version,
        client=(header.tool if header else None) or "",
        client_version="",
        command=(),
        artifact=Artifact(seen.path.name, seen.format, 0, "", seen.size, stored),
        facts=seen.facts or Facts((), {}, {}),
    )
