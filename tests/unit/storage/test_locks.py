"""Locks, held by real processes."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from python_backup.errors import Locked, StorageFailed
from python_backup.storage.locks import LOCKS, Locks, clear_locks, machine_folder, machine_places

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
SHOWN = "database 'shop' on instance 1"
PROCESS = """
import subprocess, sys, time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from python_backup.errors import Locked
from python_backup.storage.locks import Locks
machine, shared, name, seconds, wait = sys.argv[1:]
locks = Locks(Path(machine), Path(shared), "vya-backupdb backup -a", datetime.now(UTC), print, float(wait))
try:
    with locks.database("server", name, "it"):
        begun = time.time()
        child = subprocess.Popen(["sleep", "600"]) if seconds == "orphan" else None
        print("held", child.pid if child else begun, flush=True)
        time.sleep(600 if child else float(seconds))
        print("until", time.time(), flush=True)
except Locked as exc:
    print("refused", exc, flush=True)
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A machine's own folder, and a backup folder."""
    machine, shared = tmp_path / "machine", tmp_path / "backups"
    machine.mkdir()
    shared.mkdir()
    return machine, shared


def locks(places: tuple[Path, Path], wait: float = 0.0, told: list[str] | None = None) -> Locks:
    heard = [] if told is None else told
    return Locks(*places, words="vya-backupdb backup -a", started=AT, tell=heard.append, wait=wait)


@pytest.fixture
def process(places: tuple[Path, Path]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that holds a lock so many seconds."""
    begun: list[subprocess.Popen[str]] = []

    def start(name: str, seconds: object, wait: float = 0.0) -> subprocess.Popen[str]:
        words = [*map(str, places), name, str(seconds), str(wait)]
        begun.append(
            subprocess.Popen([sys.executable, "-c", PROCESS, *words], stdout=subprocess.PIPE, text=True)
        )
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.wait()
        one.stdout.close()


def test_who_comes_second_is_told_the_holders_pid_command_and_start_to_the_second(places) -> None:
    local = AT.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    expected = f"{SHOWN} is locked by pid {os.getpid()} since {local}: vya-backupdb backup -a"
    with locks(places).database("server", "shop", SHOWN):
        with pytest.raises(Locked) as caught, locks(places).database("server", "shop", SHOWN):
            pass
        assert (caught.value.message, caught.value.exit_code) == (expected, 8)
        with (
            locks(places).database("server", "other", SHOWN),
            locks(places).database("replica", "shop", SHOWN),
        ):
            pass
    with locks(places).database("server", "shop", SHOWN):
        pass


def test_either_place_alone_keeps_another_out(places, tmp_path) -> None:
    machine, shared = places
    (tmp_path / "machine2").mkdir()
    with locks(places).database("server", "shop", SHOWN):
        for other in ((tmp_path / "machine2", shared), (machine, tmp_path / "backups2")):
            with pytest.raises(Locked), locks(other).database("server", "shop", SHOWN):
                pass


def test_what_is_made_is_the_owners_alone_and_the_machines_lock_goes(places) -> None:
    machine, shared = places
    before = os.umask(0)
    try:
        with locks(places).database("server", "a/b\n" + "x" * 300, SHOWN):
            made = [*machine.iterdir(), *(shared / LOCKS).iterdir()]
            assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}
            assert json.loads(made[0].read_text())["pid"] == os.getpid()
        assert stat.S_IMODE((shared / LOCKS).stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert [*machine.iterdir(), *(f.stat().st_size for f in (shared / LOCKS).iterdir())] == [0]


def test_a_killed_holders_lock_is_none_and_its_words_mislead_nobody(places, process) -> None:
    dead = process("shop", 600)
    assert dead.stdout.readline().startswith("held")
    dead.kill()
    dead.wait()
    assert all(file.stat().st_size for file in places[0].iterdir())  # its note is there still
    with (
        locks(places).database("server", "shop", SHOWN),
        pytest.raises(Locked, match=rf"pid {os.getpid()} since"),
        locks(places).database("server", "shop", SHOWN),
    ):
        pass


def test_locks_of_dead_runs_are_cleared_and_those_of_living_ones_stay(places, process) -> None:
    dead = process("shop", 600)
    dead.stdout.readline()
    dead.kill()
    dead.wait()
    with locks(places).database("server", "other", SHOWN):
        assert len(list(places[0].iterdir())) == 2
        clear_locks(places[0])
        assert [file.name[:6] for file in places[0].iterdir()] == ["other~"]


def test_the_words_of_a_dead_holder_are_not_taken_for_the_livings(places) -> None:
    held, note = locks(places), places[0]
    with held.database("server", "shop", SHOWN):
        [file] = note.iterdir()
        file.write_text(json.dumps({**json.loads(file.read_text()), "begun": "1"}))
        with (
            pytest.raises(Locked, match="is locked by another run"),
            locks(places).database("server", "shop", SHOWN),
        ):
            pass


def test_a_child_that_outlives_its_dead_parent_does_not_hold_the_lock(places, process) -> None:
    dead = process("shop", "orphan")
    orphan = int(dead.stdout.readline().split()[1])
    try:
        dead.kill()
        dead.wait()
        with locks(places).database("server", "shop", SHOWN):
            os.kill(orphan, 0)
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_wait_ends_when_the_holder_does_and_says_for_whom(places, process) -> None:
    told: list[str] = []
    holder = process("shop", 0.6)
    holder.stdout.readline()
    with locks(places, wait=30, told=told).database("server", "shop", SHOWN):
        got = time.time()
    assert 0 <= got - float(holder.stdout.readline().split()[1]) < 1
    assert told == [told[0]]
    assert told[0].startswith(f"{SHOWN}: waiting for pid {holder.pid} since ")


def test_a_wait_that_is_over_refuses(places, process) -> None:
    process("shop", 600).stdout.readline()
    begun = time.monotonic()
    with pytest.raises(Locked), locks(places, wait=0.5).database("server", "shop", SHOWN):
        pass
    assert 0.5 <= time.monotonic() - begun < 3


def test_of_fifty_processes_at_once_one_works_and_all_others_are_told_of_it(process) -> None:
    crowd = [process("shop", 600) for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda one: one.stdout.readline().strip(), crowd))
    [winner] = [one for one, line in zip(crowd, said, strict=True) if line.startswith("held")]
    refused = [line for line in said if line.startswith("refused")]
    assert len(refused) == 49
    assert all(line.startswith(f"refused it is locked by pid {winner.pid} since ") for line in refused), set(
        refused
    )


def test_of_fifty_that_wait_never_two_work_at_once(process) -> None:
    crowd = [process("shop", 0.02, wait=120) for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda one: one.communicate()[0], crowd))
    times = sorted(
        tuple(float(line.split()[1]) for line in text.splitlines() if line.split()[0] in {"held", "until"})
        for text in said
    )
    assert [len(pair) for pair in times] == [2] * 50
    assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_a_backup_folder_that_cannot_hold_locks_keeps_nobody_out(places, monkeypatch) -> None:
    told: list[str] = []
    (places[1] / LOCKS).write_text("a file in the way")
    with locks(places, told=told).database("server", "shop", SHOWN):
        pass
    assert told == []


def test_a_file_system_without_locks_is_told_of(places, monkeypatch) -> None:
    import fcntl

    def unknown(descriptor: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    told: list[str] = []
    with (
        pytest.raises(StorageFailed, match="knows no locks"),
        locks(places, told=told).database("s", "shop", SHOWN),
    ):
        pass


def test_cron_and_a_terminal_look_in_the_same_place() -> None:
    assert machine_places({"XDG_RUNTIME_DIR": "/run/user/1", "TMPDIR": "/t"}, 0) == machine_places({}, 0)
    assert machine_places({"VYA_BACKUPDB_LOCKS": "/x"}, 0) == (Path("/x"),)


def test_the_first_place_that_can_be_made_is_taken_with_its_mode(tmp_path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    found = machine_folder((tmp_path / "file" / "a", tmp_path / "link", tmp_path / "b", tmp_path / "c"))
    assert (found, stat.S_IMODE(found.stat().st_mode)) == (tmp_path / "b", 0o700)


def test_without_any_place_the_error_names_them_and_the_variable(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match=r"file: File exists; .*a: No such file") as caught:
        machine_folder((tmp_path / "file", tmp_path / "none" / "a"))
    assert "VYA_BACKUPDB_LOCKS" in (caught.value.hint or "")
