"""Parts that are written side by side: the largest table first, and one pace for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.piece import Comment, DataBegin, DataEnd, Piece, Rows
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.engines.parts import PartPlan
from python_backup.errors import ToolFailed
from python_backup.instance import Dbms, Throttle
from python_backup.jobs.pace import Pace
from python_backup.jobs.parts.writing import PartsWriter, Written
from python_backup.model import Format, PartKind
from python_backup.storage.names import ArtifactName
from python_backup.storage.parts import storing_parts
from python_backup.storage.room import Room
from python_backup.stream.bounds import Bounds
from python_backup.stream.bounds import Silence as Quiet
from support.silence import Silence

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BLOCK = 100_000
BEFORE, OTHERS, AFTER = (
    PartPlan(PartKind.BEFORE),
    PartPlan(PartKind.DATA, weight=900),
    PartPlan(PartKind.AFTER),
)


def part(table: str, weight: int, where: str = "") -> PartPlan:
    return PartPlan(PartKind.DATA, table, where, weight)


@dataclass
class Source:
    """A database's parts, each of so many blocks; ``begun`` are those that were read, in their order."""

    parts: tuple[PartPlan, ...]
    lanes: int = 1
    blocks: int = 1
    fails: str = ""
    begun: list[PartPlan] = field(default_factory=list)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    passing: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def read(self, part: PartPlan, lane: int) -> Iterator[Iterator[Piece]]:
        del lane
        self.begun.append(part)
        if self.fails and part.table == self.fails:
            time.sleep(0.1)
            raise ToolFailed("the server is gone")
        yield self._pieces(part)

    def _pieces(self, part: PartPlan) -> Iterator[Piece]:
        if not part.table:
            yield Comment(b"--\n", 1)
            return
        yield DataBegin(b"COPY t FROM stdin;\n", 1, b"COPY t FROM stdin", part.table, copy=True)
        for _ in range(self.blocks):
            if self.stopped.is_set():
                raise ToolFailed("it was ended")
            row = bytes(BLOCK - 1) + b"\n"
            yield Rows(row, 1, 1, row)
        yield DataEnd(b"\\.\n", 1, self.blocks)

    def stop(self) -> None:
        self.stopped.set()


def written(
    source: Source, folder: Path, pace: Pace | None = None, bounds: Callable[[], Bounds] | None = None
) -> Written:
    progress = Silence()
    paced = (pace or Pace(Throttle(), progress), progress)
    with storing_parts(folder, ArtifactName(NOW, Dbms.POSTGRESQL, "shop", Format.PARTS)) as new:
        writer = PartsWriter(new, DIALECT, "shop", 1, Room(folder), NOW, paced)
        return writer.write(source, bounds() if bounds is not None else Bounds(None, Quiet()))


def test_the_largest_part_is_begun_first_and_all_ranges_of_its_table_before_the_next(tmp_path: Path) -> None:
    small, large = part("a", 5), [part("b", 4, f"page {number}") for number in range(3)]
    medium = part("c", 11)
    source = Source((BEFORE, OTHERS, small, *large, medium, AFTER))
    found = written(source, tmp_path)
    # what is no table of its own is one lane's from the first: a dump tool takes its time to begin
    assert source.begun == [BEFORE, OTHERS, AFTER, medium, small, *large]
    assert [one.table for one in found.parts] == ["", "", "a", "b", "b", "b", "c", ""]
    assert [one.file[:11] for one in found.parts[1:-1]] == [f"data/{number:05}_" for number in range(1, 7)]


@dataclass
class Clock:
    """Time that passes by sleeping alone, for all lanes; ``crowded`` when two slept at once."""

    now: float = 100.0
    sleeping: threading.Lock = field(default_factory=threading.Lock)
    crowded: bool = False

    def sleep(self, seconds: float) -> None:
        if not self.sleeping.acquire(blocking=False):
            self.crowded = True
            return
        time.sleep(0.001)  # others could come
        self.now += seconds
        self.sleeping.release()


def test_all_lanes_together_keep_to_one_rate(tmp_path: Path) -> None:
    clock = Clock()
    pace = Pace(Throttle(bwlimit=1_000_000), Silence(), sleep=clock.sleep, clock=lambda: clock.now)
    source = Source((BEFORE, *(part(name, 1) for name in "abcd"), AFTER), lanes=4, blocks=5)
    written(source, tmp_path, pace)
    assert not clock.crowded
    assert clock.now - 100 == pytest.approx(4 * 5 * BLOCK / 1_000_000, rel=0.01)


@pytest.mark.parametrize("throttle", [Throttle(max_lag=5), Throttle(max_load=5)])
def test_in_a_pause_no_lane_goes_on_and_it_is_told_once(tmp_path: Path, throttle: Throttle) -> None:
    clock, progress, passed = Clock(), Silence(), list[int]()

    def late() -> str | None:
        passed.append(len(source.begun))
        return "late" if clock.now < 108 else None

    pace = Pace(throttle, progress, late, sleep=clock.sleep, clock=lambda: clock.now)
    source = Source((BEFORE, *(part(name, 1) for name in "abcdefgh"), AFTER), lanes=3, blocks=3)
    written(source, tmp_path, pace)
    assert not clock.crowded
    assert progress.notes == ["paused: late", "goes on after a pause of 8 s"]
    assert max(passed) <= 3  # each lane came to its first block
    assert len(source.begun) == 10


def test_pauses_that_take_all_of_their_time_are_warned_of_once(tmp_path: Path) -> None:
    clock = Clock()
    throttle = Throttle(max_load=5, max_pause=20)
    pace = Pace(throttle, Silence(), lambda: "late", sleep=clock.sleep, clock=lambda: clock.now)
    source = Source((BEFORE, *(part(name, 1) for name in "abcd"), AFTER), lanes=2, blocks=3)
    written(source, tmp_path, pace)
    assert pace.warnings == ["it paused for 20 s in all, as max_pause allows, and then went on although late"]
    assert clock.now == 120


def test_a_pause_is_none_of_the_timeout_however_long_one_block_waits(tmp_path: Path) -> None:
    begun = time.monotonic()
    bounds = Bounds(0.3, Quiet())
    late = lambda: "late" if time.monotonic() < begun + 0.8 else None  # noqa: E731
    sleep: Callable[[float], object] = lambda seconds: time.sleep(min(seconds, 0.8))  # noqa: E731
    pace = Pace(Throttle(max_load=5), Silence(), late, bounds.forgive, sleep)
    written(Source((BEFORE, part("a", 1), AFTER), lanes=2), tmp_path, pace, lambda: bounds)
    assert time.monotonic() - begun > 0.8


def test_a_lane_that_waits_is_woken_when_another_fails(tmp_path: Path) -> None:
    over = threading.Event()
    pace = Pace(Throttle(max_load=5), Silence(), lambda: "late", sleep=over.wait, wake=over.set)
    source = Source((BEFORE, part("a", 2), part("b", 1), AFTER), lanes=3, fails="b")
    begun = time.monotonic()
    with pytest.raises(ToolFailed, match="the server is gone"):
        written(source, tmp_path, pace)
    assert time.monotonic() - begun < 2
    assert list(tmp_path.iterdir()) == []
