"""Runs that hold themselves back on real servers and replicas: paced, paused, and never ended by that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.table import ENGINES
from python_backup.instance import Instance, Secret, Throttle
from python_backup.jobs.backup import BackupRequest, DatabaseResult, back_up
from python_backup.jobs.parts.choosing import Parting
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.verify import verify_artifact
from python_backup.model import Format, Parts
from support import databases
from support.programs import Program, found_programs, newest_of_each
from support.replica import Replica, replica_of
from support.servers import RunningServer, instance_for
from support.silence import Silence
from support.standby import standby_of
from support.stoppable import lone_server

Name = Callable[..., str]
MEGABYTES = 6
PROGRAMS = [program for program in newest_of_each(found_programs()) if program.family == "mysql"]


def filled(server: RunningServer, name: str) -> None:
    """A table of so many megabytes."""
    kind = "text" if server.family == "postgresql" else "LONGTEXT"
    databases.execute(
        server, name,
        f"CREATE TABLE t (id int PRIMARY KEY, v {kind})",
        *[f"INSERT INTO t VALUES ({n}, repeat('x', 1000000))" for n in range(MEGABYTES)],
    )  # fmt: skip


def held_back(server: RunningServer, **how: int) -> Instance:
    return replace(instance_for(server), throttle=Throttle(**how))


def backed_up(
    instance: Instance, name: str, folder: Path, stored: Format = Format.NONE
) -> tuple[DatabaseResult, Silence]:
    progress = Silence()
    request = BackupRequest((instance,), (name,), folder, stored)
    (result,) = back_up(request, progress, lambda: datetime.now(UTC))
    assert result.manifest is not None, result.error
    return result, progress


def restored(
    instance: Instance, file: Path | None, target: str, jobs: int = 1
) -> tuple[RestoreReport, Silence]:
    progress = Silence()
    assert file is not None
    request = RestoreRequest(file, instance, target, jobs=jobs)
    return restore(request, lambda _: False, progress, lambda: datetime.now(UTC)), progress


def test_neither_way_takes_more_than_the_rate_and_a_timeout_does_not_count_that(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name, target = new_database(family_server), new_database(family_server)
    databases.drop(family_server, target)
    filled(family_server, name)
    slow = held_back(family_server, bwlimit=2_000_000)
    slow = replace(slow, limits=replace(slow.limits, timeout=2.0, idle=1.0))
    begun = time.monotonic()
    result, _ = backed_up(slow, name, tmp_path)
    assert time.monotonic() - begun > MEGABYTES / 2 - 0.5
    begun = time.monotonic()
    report, _ = restored(slow, result.path, target)
    # once to examine it, once to load it
    assert (report.equal, time.monotonic() - begun > 2 * (MEGABYTES / 2 - 0.5)) == (True, True)
    begun = time.monotonic()
    assert result.path is not None
    assert verify_artifact(result.path, Silence(), bwlimit=2_000_000).good
    assert time.monotonic() - begun > MEGABYTES / 2 - 0.5


def in_tables(server: RunningServer, name: str, tables: int = 2) -> None:
    """Some megabytes of text that does not compress well, in tables that are parts of their own."""
    text = "md5(i::text)" if server.family == "postgresql" else "left(sha2(i, 256), 32)"
    for number in range(tables):
        rows = f"SELECT i, {text}, {text} FROM {databases.numbers(server, 40_000)}"
        databases.execute(
            server, name,
            f"CREATE TABLE t{number} (id int PRIMARY KEY, v text, w text)",
            f"INSERT INTO t{number} {rows}",
            f"ANALYZE {'' if server.family == 'postgresql' else 'TABLE '}t{number}",
        )  # fmt: skip


def parted(instance: Instance, name: str, folder: Path, jobs: int = 2) -> tuple[DatabaseResult, Silence]:
    """A good backup in parts."""
    progress, parting = Silence(), Parting(jobs, Parts.ALWAYS)
    request = BackupRequest((instance,), (name,), folder, Format.ZSTD, parts=parting)
    (result,) = back_up(request, progress, lambda: datetime.now(UTC))
    assert result.manifest is not None, result.error
    return result, progress


def test_the_lanes_of_parts_share_one_rate_and_a_timeout_does_not_count_that(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name, target = new_database(family_server), new_database(family_server, create=False)
    in_tables(family_server, name)
    slow = held_back(family_server, bwlimit=2_000_000)
    slow = replace(slow, limits=replace(slow.limits, timeout=2.0))
    begun = time.monotonic()
    result, _ = parted(slow, name, tmp_path)
    assert result.manifest is not None
    raw, stored = result.manifest.artifact.raw_size, result.manifest.artifact.size
    assert time.monotonic() - begun > raw / 2_000_000 - 0.5 > 2
    assert result.path is not None
    begun = time.monotonic()
    report, _ = restored(held_back(family_server, bwlimit=stored), result.path, target, jobs=2)
    assert (report.equal, time.monotonic() - begun > 2 * (1 - 0.3)) == (True, True)  # as above, twice


@contextmanager
def at_work(server: RunningServer, sessions: int, seconds: float) -> Iterator[None]:
    """So many sessions that are at work for so long."""
    sleep = f"SELECT pg_sleep({seconds})" if server.family == "postgresql" else f"SELECT sleep({seconds})"
    threads = [
        threading.Thread(target=databases.execute, args=(server, None, sleep)) for _ in range(sessions)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    yield
    for thread in threads:
        thread.join()


def test_a_busy_server_is_left_alone_until_it_is_not_and_own_sessions_are_one(
    lone_program: Program, tmp_path: Path
) -> None:
    with lone_server(lone_program) as lone:  # no other test's sessions are counted
        databases.create(lone.server, "shop")
        in_tables(lone.server, "shop", 3)
        alone, its_own = parted(held_back(lone.server, max_load=1, max_pause=2), "shop", tmp_path, 3)
        watched = held_back(lone.server, max_load=1, max_pause=2)
        report, restoring = restored(watched, alone.path, "copy", jobs=3)
        assert (report.equal, its_own.notes, restoring.notes) == (True, [], [])
        with at_work(lone.server, 8, 4):
            _, progress = parted(held_back(lone.server, max_load=6, max_pause=60), "shop", tmp_path)
    paused, on = progress.notes
    assert paused.endswith("sessions are at work (max_load 6)")
    assert on.startswith("goes on after a pause of ")
    assert "although" not in on


def test_who_may_not_ask_is_told_so_and_backed_up(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(family_server)
    _, progress = backed_up(held_back(family_server, max_lag=1), name, tmp_path)
    (note,) = progress.notes
    assert "tells of no lag" in note
    gone = replace(
        instance_for(family_server), id="gone", password=Secret(lambda: "wrong"), username="nobody"
    )
    watched = replace(held_back(family_server, max_lag=1), replicas=(gone,))
    _, progress = backed_up(watched, name, tmp_path)
    assert progress.notes[1].startswith("how busy gone (")


def test_a_late_standby_and_a_primary_of_one_wait_for_it(lone_postgresql: Program, tmp_path: Path) -> None:
    with lone_server(lone_postgresql) as primary:
        databases.create(primary.server, "shop")
        filled(primary.server, "shop")
        with standby_of(primary, lone_postgresql) as standby:
            databases.execute(primary.server, "shop", "CREATE TABLE first (id int)")
            time.sleep(1)
            databases.execute(standby.server, None, "SELECT pg_wal_replay_pause()")
            databases.execute(primary.server, "shop", "CREATE TABLE later (id int)")
            time.sleep(2)
            again = threading.Timer(
                3, databases.execute, (standby.server, None, "SELECT pg_wal_replay_resume()")
            )
            again.start()
            _, progress = parted(held_back(standby.server, max_lag=1, max_pause=60), "shop", tmp_path)
            again.join()
            paused, on = progress.notes
            assert "replication is" in paused
            assert on.startswith("goes on after a pause of ")
            databases.execute(standby.server, None, "ALTER SYSTEM SET recovery_min_apply_delay = '3s'")
            databases.execute(standby.server, None, "SELECT pg_reload_conf()")
            assert 2 < _lag_after(primary.server, "CREATE TABLE last (id int)") < 30


def _lag_after(server: RunningServer, statement: str) -> float:
    with ENGINES[server.dbms].gauge(instance_for(server)) as ask:
        time.sleep(1)
        databases.execute(server, "shop", statement)
        end = time.monotonic() + 30
        while ((lag := ask().lag) is None or lag < 2) and time.monotonic() < end:
            time.sleep(0.2)
    return lag or 0.0


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.id)
def test_a_late_replica_and_the_source_of_one_wait_for_it(program: Program, tmp_path: Path) -> None:
    with replica_of(program) as both:
        source, follower = both.source.server, both.replica.server
        databases.create(source, "shop")
        filled(source, "shop")
        folder, _ = parted(instance_for(source), "shop", tmp_path)
        _fall_behind(both)
        result, progress = backed_up(held_back(follower, max_lag=1, max_pause=3), "shop", tmp_path)
        assert "although" in progress.notes[-1]
        assert "as max_pause allows" in result.warnings[-1]
        again = threading.Timer(3, both.follow)
        again.start()
        watching = replace(held_back(source, max_lag=1, max_pause=60), replicas=(instance_for(follower),))
        report, progress = restored(watching, folder.path, "copy", jobs=2)
        again.join()
    assert report.equal
    assert "replication is" in progress.notes[1]  # the first: the source itself is no replica
    assert progress.notes[2].startswith("goes on after a pause of ")


def _fall_behind(both: Replica) -> None:
    """The replica waits with what the source did, and can be told so."""
    both.until(Seconds_Behind_Source=0)
    both.follow(delay=3600)
    databases.execute(both.source.server, "shop", "CREATE TABLE later (id int PRIMARY KEY)")
    with closing(databases.connection(both.replica.server, None)):
        end = time.monotonic() + 30
        while not _seconds(both.status()) > 1:
            assert time.monotonic() < end
            time.sleep(0.2)


def _seconds(status: dict[str, object]) -> int:
    found = status.get("Seconds_Behind_Source", status.get("Seconds_Behind_Master"))
    return found if isinstance(found, int) else 0
