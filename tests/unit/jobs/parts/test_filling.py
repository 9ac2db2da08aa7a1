"""Parts that are loaded side by side: the largest file first, and one pace for all of them."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.dump.piece import DataBegin, Piece
from python_backup.dump.postgresql.rewriter import Target
from python_backup.engines.parts import Later, NoLaterKeys
from python_backup.errors import StatementFailed
from python_backup.instance import Busy, Dbms, Instance, Throttle
from python_backup.jobs import pace
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import Loading, examine_whole
from python_backup.jobs.parts.filling import _Filling, fill_parts
from python_backup.stream.members import SUMS, members, sum_lines
from support.chance import SEED
from support.silence import Silence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD = b"--\n-- PostgreSQL database dump\n--\n\n"
END = b"--\n-- PostgreSQL database dump complete\n--\n\n"
PG = Instance("1", "db", Dbms.POSTGRESQL)


def folder_of(path: Path, sizes: dict[str, int]) -> Path:
    """A backup in parts, one for each table: so many bytes of each, which do not compress."""
    chance = random.Random(SEED)
    (path / "data").mkdir(parents=True)
    tables = b"".join(b"CREATE TABLE public.%s (v text);\n" % table.encode() for table in sizes)
    (path / "before.sql.zst").write_bytes(zstd.compress(HEAD + tables))
    for number, (table, size) in enumerate(sizes.items(), 1):
        rows = b"".join(chance.randbytes(40).hex().encode() + b"\n" for _ in range(max(1, size // 40)))
        text = b"COPY public.%s (v) FROM stdin;\n%s\\.\n\n" % (table.encode(), rows)
        (path / "data" / f"{number:05}_public.{table}.sql.zst").write_bytes(zstd.compress(text))
    (path / "after.sql.zst").write_bytes(zstd.compress(END))
    sums = ((str(file.relative_to(path)), sha256(file.read_bytes()).hexdigest()) for file in members(path))
    (path / SUMS).write_bytes(sum_lines(sums))
    return path


@dataclass
class Server:
    """Takes what it is given; ``begun`` are the tables whose rows came, in their order."""

    fails: str = ""
    begun: list[str] = field(default_factory=list)
    keys: NoLaterKeys = field(default_factory=NoLaterKeys)

    def target(self, database: str) -> Target:
        return Target(database, 180000, lambda _: True, frozenset(), frozenset(), frozenset({"public"}))

    def later_keys(self, database: str) -> NoLaterKeys:
        del database
        return self.keys

    def load(
        self, database: str, pieces: Iterable[Piece], *, complete: bool, builds: Builds = NO_BUILDS
    ) -> None:
        del database, complete, builds
        for piece in pieces:
            if isinstance(piece, DataBegin):
                self.begun.append(piece.table)
                if piece.table == self.fails:
                    raise StatementFailed("line 1: no room")
        time.sleep(0.01)  # more than is between two looks at a gauge


def fill(path: Path, server: Server, jobs: int, throttle: Throttle) -> tuple[Loading, Silence]:
    progress = Silence()
    unthrottled = examine_whole(path, PG, None, Examiner(progress))
    instance = Instance("1", "db", Dbms.POSTGRESQL, throttle=throttle)
    loading = Loading(unthrottled, instance, progress, jobs=jobs)
    fill_parts(loading, server, "shop")  # type: ignore[arg-type]
    return loading, progress


def test_the_largest_part_is_begun_first(tmp_path: Path) -> None:
    server = Server()
    path = folder_of(
        tmp_path / "20261121_110242_postgresql_shop", {"a": 100, "b": 9000, "c": 3000, "d": 50_000}
    )
    fill(path, server, 1, Throttle())
    assert server.begun == ["public.d", "public.b", "public.c", "public.a"]


def test_with_a_manifest_the_most_sql_is_begun_first_however_little_it_is_compressed_to(
    tmp_path: Path,
) -> None:
    files = [tmp_path / name for name in ("long.sql.zst", "random.sql.zst")]
    for file, stored in zip(files, (10, 900), strict=True):
        file.write_bytes(bytes(stored))
    parts = (
        SimpleNamespace(file=files[1].name, raw_size=1000),
        SimpleNamespace(file=files[0].name, raw_size=5000),
    )
    for manifest, expected in ((SimpleNamespace(parts=parts), files), (None, files[::-1])):
        whole = SimpleNamespace(path=tmp_path, examination=SimpleNamespace(manifest=manifest))
        filling: Any = SimpleNamespace(loading=SimpleNamespace(whole=whole))
        assert _Filling._largest_first(filling, files) == expected


def test_all_lanes_together_keep_to_one_rate(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "20261121_110242_postgresql_shop", dict.fromkeys("abc", 100_000))
    size = sum(file.stat().st_size for file in path.rglob("*.zst"))
    begun = time.monotonic()
    fill(path, Server(), 3, Throttle(bwlimit=2 * size))
    assert 0.4 < time.monotonic() - begun < 0.9


@dataclass
class Gauge:
    """Says how busy a server is: as ``says`` does, by the seconds since it was first asked."""

    says: Callable[[float], Busy]
    first: float = 0.0

    @contextmanager
    def gauge(self, instance: Instance) -> Iterator[Callable[[], Busy]]:
        del instance
        self.first = time.monotonic()
        yield lambda: self.says(time.monotonic() - self.first)

    def put(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the place of the engine's own, asked more often."""
        monkeypatch.setattr(pace, "ENGINES", {Dbms.POSTGRESQL: self})
        monkeypatch.setattr(pace, "LOOK", 0.05)


@pytest.mark.parametrize(
    ("throttle", "busy", "why"),
    [
        (Throttle(max_load=5), Busy(9), "7 sessions are at work (max_load 5)"),
        (Throttle(max_lag=5), Busy(0, 9), "replication is 9 s behind (max_lag 5)"),
    ],
)
def test_in_a_pause_no_lane_goes_on_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, throttle: Throttle, busy: Busy, why: str
) -> None:
    path = folder_of(tmp_path / "20261121_110242_postgresql_shop", dict.fromkeys("abcdef", 3000))
    server, seen = Server(), list[int]()

    def says(seconds: float) -> Busy:
        seen.append(len(server.begun))
        return busy if seconds < 0.4 else Busy(3, 0)  # two lanes further than one are its own

    Gauge(says).put(monkeypatch)
    _, progress = fill(path, server, 3, throttle)
    paused, on = progress.notes
    assert paused == f"paused: {PG.label}: {why}"
    assert on.startswith("goes on after a pause of ")
    assert max(seen[:-1]) == 0
    assert sorted(server.begun) == [f"public.{name}" for name in "abcdef"]


def test_its_own_sessions_do_not_hold_a_run_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder_of(tmp_path / "20261121_110242_postgresql_shop", dict.fromkeys("abcd", 3000))
    Gauge(lambda _: Busy(4)).put(monkeypatch)
    _, progress = fill(path, Server(), 4, Throttle(max_load=1))
    assert progress.notes == []


@dataclass
class OneKey(NoLaterKeys):
    """Keys of one table, made when nobody is in the way; ``made`` says after how many seconds."""

    begun: float = field(default_factory=time.monotonic)
    made: list[float] = field(default_factory=list)

    def take_off(self, sizes: object) -> tuple[Later, ...]:
        del sizes
        return (Later("a", b""),)

    def make(self, later: Later) -> None:
        del later
        self.made.append(time.monotonic() - self.begun)


def test_keys_after_the_rows_wait_too_and_pauses_that_take_all_their_time_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder_of(tmp_path / "20261121_110242_postgresql_shop", {"a": 100})
    server = Server(keys=OneKey())
    Gauge(lambda _: Busy(9 if server.begun else 1)).put(monkeypatch)
    monkeypatch.setattr(pace, "LOOK", 0.001)  # asked again before keys are made
    loading, _ = fill(path, server, 2, Throttle(max_load=1, max_pause=1))
    assert isinstance(server.keys, OneKey)
    assert server.keys.made[0] > 1
    assert [warning[:20] for warning in loading.changes.warnings] == ["it paused for 1 s in"]


def test_a_lane_that_waits_is_woken_when_another_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder_of(
        tmp_path / "20261121_110242_postgresql_shop", {"b": 3000, **dict.fromkeys("ac", 300_000)}
    )
    server = Server(fails="public.b")

    def says(seconds: float) -> Busy:
        del seconds
        return Busy(9 if "public.b" in server.begun else 0)

    Gauge(says).put(monkeypatch)
    begun = time.monotonic()
    with pytest.raises(StatementFailed, match="no room"):
        fill(path, server, 3, Throttle(max_load=5))
    assert time.monotonic() - begun < 3
