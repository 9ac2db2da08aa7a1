"""A server on a leash ends, and its folder goes, however the run that holds it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.stream.child import leashed
from python_backup.stream.environment import clean_environment

SERVE = (
    "import pathlib,time; pathlib.Path('{pid}').write_text(str(__import__('os').getpid())); time.sleep(60)"
)


def plan(folder: Path, make: str = "", serve: str = SERVE) -> dict[str, object]:
    pid = folder.parent / "pid"
    return {
        "make": [sys.executable, "-c", make],
        "serve": [sys.executable, "-c", serve.format(pid=pid)],
        "account": None,
        "signal": int(signal.SIGQUIT),
        "folder": str(folder),
    }


def within(seconds: float, done: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.02)
    return done()


def written(path: Path) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_text() != ""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "server"
    made.mkdir()
    return made


def test_a_server_ends_with_the_block_that_held_it_and_its_folder_is_gone(folder: Path) -> None:
    pid = folder.parent / "pid"
    with leashed(plan(folder), clean_environment(os.environ), folder.parent / "log") as server:
        assert within(10, written(pid))
        assert server.status is None
    assert not alive(int(pid.read_text()))
    assert not folder.exists()


def test_a_server_ends_when_its_run_is_killed(folder: Path) -> None:
    pid, program = folder.parent / "pid", folder.parent / "run.py"
    program.write_text(
        "import os, pathlib, sys, time\n"
        "from python_backup.stream.child import leashed\n"
        "from python_backup.stream.environment import clean_environment\n"
        f"with leashed({plan(folder)!r}, clean_environment(os.environ), pathlib.Path({str(folder.parent / 'log')!r})):\n"
        "    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, program])
    try:
        assert within(10, written(pid))
    finally:
        run.kill()
        run.wait()
    assert within(10, lambda: not alive(int(pid.read_text())))
    assert within(10, lambda: not folder.exists())


def test_a_server_that_cannot_be_made_is_not_served(folder: Path) -> None:
    log = folder.parent / "log"
    failing = plan(folder, make="import sys; print('no room'); sys.exit(3)")
    with leashed(failing, clean_environment(os.environ), log) as server:
        assert within(10, lambda: server.status is not None)
        assert server.status == 3
    assert log.read_text() == "no room\n"
    assert not (folder.parent / "pid").exists()


def test_a_program_that_is_not_there_is_said_in_the_log(folder: Path) -> None:
    log = folder.parent / "log"
    missing = plan(folder) | {"make": ["/nowhere/initdb"]}
    with leashed(missing, clean_environment(os.environ), log) as server:
        assert within(10, lambda: server.status is not None)
    assert log.read_text() == "/nowhere/initdb: No such file or directory\n"
