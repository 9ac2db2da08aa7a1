"""Both sides on one server and one database, in turns: backup, restore, and the program's memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import parts, peers, sample
from bench.report import MEGABYTES, SECONDS, Measured, server_facts
from bench.sides import Ours, Run, Stock, removed
from support import databases
from support.servers import RunningServer

DRILL_BAR, DUMPS_OF_A_DRILL = 1.0, 1.3
BACKUP_BAR, RESTORE_BAR, COMPARE_BAR, ONE_TABLE_BAR = 1.05, 1.0, 0.1, 0.03
MEMORY_BAR, MEMORY_OF_A_JOB = 150.0, 64.0
JOBS = 2
"""Of the peers, and of this program beside them."""

_LARGE, _SMALL, _GIANT, _FRESH = "large", "small", "giant", "fresh"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: the dump's megabytes, how many rounds, which parts.

    Backups in parts are made and restored with each of these ``jobs``.
    """

    megabytes: int
    rounds: int
    parts: frozenset[str]
    jobs: tuple[int, ...]

    @property
    def small(self) -> int:
        """The megabytes of the second database, to see whether memory grows with size."""
        return max(20, self.megabytes // 10)


@dataclass(slots=True)
class Comparison:
    """One server's part of the benchmark.

    ``peaks`` are megabytes by what was run, with how many jobs (0: not in parts), and on what.
    """

    plan: Plan
    server: RunningServer
    peaks: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)
    _latest: dict[tuple[str, int], Path] = field(default_factory=dict)

    def lines(self, facts: dict[str, str], say: Callable[[str], None]) -> Iterator[Measured]:
        """The table's lines; what they were measured on is added to the facts."""
        with tempfile.TemporaryDirectory(prefix="vya-bench-") as name:
            folder = Path(name)
            ours, stock = Ours(self.server, folder), Stock(self.server, folder)
            ours.configure()
            stock.configure()
            for database, megabytes in ((_SMALL, self.plan.small), (_LARGE, self.plan.megabytes)):
                say(f"{self.server.id}: making a database of {megabytes} MB")
                sample.make(self.server, database, megabytes)
            artifacts = {database: self.backed_up(ours, database)[1] for database in (_SMALL, _LARGE)}
            self._latest.clear()  # these are restored
            run, _ = self.backed_up(ours, _LARGE)
            facts |= server_facts(self.server, stock.tools, run.said["databases"][0])
            stock.backup(_LARGE, folder / "stock.zst")
            if "backup" in self.plan.parts:
                yield from self._backups(ours, stock, folder / "stock.zst")
            if "restore" in self.plan.parts:
                self.restored(ours, artifacts[_SMALL], _SMALL)
                yield from self._restores(ours, stock, artifacts[_LARGE], folder / "stock.zst")
            if "drill" in self.plan.parts:
                yield from self._drills(ours, artifacts[_LARGE])
            if "peers" in self.plan.parts:
                yield from self._peers(ours, artifacts[_LARGE], folder, say)
            if "parts" in self.plan.parts:
                sample.make(self.server, _GIANT, self.plan.megabytes, giant=parts.GIANT)
                for jobs in self.plan.jobs:
                    yield from parts.lines(self, ours, folder, jobs, say)
            if "table" in self.plan.parts:
                yield self._one_table(ours, artifacts[_LARGE])
            yield from self._memory()

    def _one_table(self, ours: Ours, artifact: Path) -> Measured:
        """The reading before one table is restored, beside that before all are."""

        def examined(*options: str) -> float:
            return float(self.restored(ours, artifact, _LARGE, *options).said["seconds"]["examine"])

        whole = (examined(),)
        one = tuple(examined("--table", sample.ONE) for _ in range(self.plan.rounds))
        shown = f"{self.server.id}, reading for one table of {self.plan.megabytes // 100} MB"
        return Measured(shown, SECONDS, one, whole, ONE_TABLE_BAR)

    def _backups(self, ours: Ours, stock: Stock, artifact: Path) -> Iterator[Measured]:
        mine, theirs = self.in_turns(
            lambda: self.backed_up(ours, _LARGE)[0], lambda: stock.backup(_LARGE, artifact)
        )
        yield Measured(f"{self.server.id}, backup", SECONDS, _seconds(mine), _seconds(theirs), BACKUP_BAR)
        cpu = (tuple(run.cpu for run in side) for side in (mine, theirs))
        yield Measured(f"{self.server.id}, backup: clients' CPU", SECONDS, *cpu)

    def _restores(self, ours: Ours, stock: Stock, mine: Path, theirs: Path) -> Iterator[Measured]:
        def baseline() -> Run:
            with databases.database(self.server, _FRESH):
                return stock.restore(theirs, _FRESH)

        runs, baselines = self.in_turns(lambda: self.restored(ours, mine, _LARGE), baseline)
        load, examine, compare = (
            tuple(float(run.said["seconds"][step]) for run in runs) for step in ("load", "examine", "compare")
        )
        name = f"{self.server.id}, restore"
        yield Measured(name, SECONDS, load, _seconds(baselines), RESTORE_BAR)
        yield Measured(f"{name}: examine", SECONDS, examine)
        yield Measured(f"{name}: compare, beside its load", SECONDS, compare, load, COMPARE_BAR)

    def _drills(self, ours: Ours, artifact: Path) -> Iterator[Measured]:
        """Drills beside what they may take: a restore and 1.3 dumps of the same, both this program's."""

        def apart() -> Run:
            restore, dump = self.restored(ours, artifact, _LARGE), self.backed_up(ours, _LARGE)[0]
            seconds = restore.seconds + DUMPS_OF_A_DRILL * dump.seconds
            return Run(seconds, restore.cpu + dump.cpu)

        runs, allowed = self.in_turns(lambda: ours.drill(artifact), apart)
        name = f"{self.server.id}, drill beside restore + {DUMPS_OF_A_DRILL} dumps"
        yield Measured(name, SECONDS, _seconds(runs), _seconds(allowed), DRILL_BAR)
        steps = {step: 0.0 for run in runs for step in run.said["drills"][0]["recovery"]}
        for step in steps:
            taken = tuple(float(run.said["drills"][0]["recovery"].get(step, 0.0)) for run in runs)
            yield Measured(f"{self.server.id}, drill: {step}", SECONDS, taken)

    def _peers(
        self, ours: Ours, artifact: Path, folder: Path, say: Callable[[str], None]
    ) -> Iterator[Measured]:
        """Beside the programs that dump and load with several jobs."""
        peer = peers.found(self.server, folder, JOBS)
        if isinstance(peer, str):
            say(f"{self.server.id}: no peer is measured: {peer}")
            return
        theirs = folder / "peer"

        def loaded() -> Run:
            with databases.database(self.server, _FRESH):
                return peer.restore(theirs, _FRESH)

        mine, others = self.in_turns(
            lambda: self.backed_up(ours, _LARGE)[0], lambda: peer.backup(_LARGE, theirs)
        )
        yield Measured(f"{self.server.id}, backup: {peer.name}", SECONDS, _seconds(mine), _seconds(others))
        mine, others = self.in_turns(lambda: self.restored(ours, artifact, _LARGE, jobs=JOBS), loaded)
        seconds = tuple(float(run.said["seconds"]["load"]) for run in mine)
        yield Measured(f"{self.server.id}, restore: {peer.restorer}", SECONDS, seconds, _seconds(others))

    def backed_up(self, ours: Ours, database: str, jobs: int = 0) -> tuple[Run, Path]:
        """Backs the database up; with so many jobs in parts.

        The latest one is removed first, untimed, as that of the peers: memory that the machine has never
        used is slow to write to, and whoever kept everything would get more of it.
        """
        if latest := self._latest.pop((database, jobs), None):
            removed(latest)
        run, artifact = ours.backup(database, *_with(jobs))
        self._latest[database, jobs] = artifact
        self.peaks.setdefault(("backup", jobs, database), []).append(run.peak)
        return run, artifact

    def restored(self, ours: Ours, artifact: Path, database: str, *options: str, jobs: int = 0) -> Run:
        """Restores what was backed up of this database."""
        try:
            run = ours.restore(artifact, _FRESH, *options, *_with(jobs))
        finally:
            databases.drop(self.server, _FRESH)
        self.peaks.setdefault(("restore", jobs, database), []).append(run.peak)
        return run

    def _memory(self) -> Iterator[Measured]:
        sizes = {_SMALL: self.plan.small, _LARGE: self.plan.megabytes, _GIANT: self.plan.megabytes}
        for (what, jobs, database), peaks in sorted(
            self.peaks.items(), key=lambda item: (item[0][:2], sizes[item[0][2]])
        ):
            size = f"{sizes[database]} MB" + (", one giant table" if database == _GIANT else "")
            shown = " ".join((f"{self.server.id}, peak memory of {what}", *_with(jobs)))
            bar = MEMORY_BAR + jobs * MEMORY_OF_A_JOB
            yield Measured(f"{shown}, {size}", MEGABYTES, (max(peaks),), bar=bar)

    def in_turns(self, mine: Callable[[], Run], theirs: Callable[[], Run]) -> tuple[list[Run], list[Run]]:
        """The runs of both; each is first as often as the other, and starts on a quiet disk."""
        runs: tuple[list[Run], list[Run]] = ([], [])
        for n in range(self.plan.rounds):
            for side in (0, 1) if n % 2 == 0 else (1, 0):
                self._settle()
                runs[side].append((mine, theirs)[side]())
        return runs

    def _settle(self) -> None:
        if self.server.family == "postgresql":
            databases.execute(self.server, None, "CHECKPOINT")
        os.sync()


def _with(jobs: int) -> tuple[str, ...]:
    return ("--jobs", str(jobs)) if jobs else ()


def _seconds(runs: list[Run]) -> tuple[float, ...]:
    return tuple(run.seconds for run in runs)
