"""The peers that dump and load with several jobs: pg_dump -Fd and pg_restore, mydumper and myloader.

Each writes a folder, compressed as it can; a peer that is not on this machine is said to be absent.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.report import said
from bench.sides import Failed, Run
from support.servers import RunningServer

_ZSTD_SINCE = {"pg_dump": (16,), "mydumper": (0, 12)}
"""From which version on they compress by zstd; by gzip before."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A pair of programs; ``backup`` writes a new folder, ``restore`` fills an empty database from it."""

    name: str
    restorer: str
    version: str
    _dump: Callable[[str, Path], list[str]]
    _load: Callable[[str, Path], list[str]]

    def backup(self, database: str, folder: Path) -> Run:
        """Dumps into a folder that is not there yet; what was there is removed first, untimed."""
        shutil.rmtree(folder, ignore_errors=True)
        return _timed(self._dump(database, folder))

    def restore(self, folder: Path, database: str) -> Run:
        """Loads all of it."""
        return _timed(self._load(database, folder))


def found(server: RunningServer, folder: Path, jobs: int, level: int = 1) -> Peer | str:
    """The peer for this server, with so many jobs; what is missing where there is none.

    ``level`` is pg_dump's, of zstd; mydumper has its own.

    ``folder`` gets the option file of mydumper: the password is in no command line.
    """
    if server.family == "postgresql":
        return _pg_dump(server, jobs, level)
    return _mydumper(server, folder, jobs)


def _pg_dump(server: RunningServer, jobs: int, level: int) -> Peer | str:
    dump, restore = (f"{server.bin}/{name}" for name in ("pg_dump", "pg_restore"))
    if not Path(restore).exists():
        return f"pg_restore is not in {server.bin}"
    version = said(dump, "--version")
    compression = f"zstd:{level}" if _knows_zstd(dump, version) else "1"
    where = ["-h", server.socket, "-p", str(server.port), "-U", server.superuser]

    def dumped(database: str, to: Path) -> list[str]:
        return [dump, *where, "-Fd", f"-j{jobs}", "-Z", compression, "-f", str(to), database]

    def loaded(database: str, of: Path) -> list[str]:
        return [restore, *where, f"-j{jobs}", "--no-owner", "-d", database, str(of)]

    return Peer(f"pg_dump -Fd -j{jobs} -Z {compression}", f"pg_restore -j{jobs}", version, dumped, loaded)


def _mydumper(server: RunningServer, folder: Path, jobs: int) -> Peer | str:
    dump, restore = shutil.which("mydumper"), shutil.which("myloader")
    if dump is None or restore is None:
        return "mydumper is not on this machine (apt install mydumper)"
    version = said(dump, "--version")
    options = folder / "mydumper.cnf"
    login = f'user={server.superuser}\npassword="{server.password}"\nsocket={server.socket}\n'
    options.write_text("".join(f"[{group}]\n{login}" for group in ("client", "mydumper", "myloader")))
    options.chmod(0o600)
    zstd = _number(version) >= _ZSTD_SINCE["mydumper"]
    own = [f"--defaults-file={options}", "-t", str(jobs), "-S", server.socket]
    what = ["--triggers", "--routines", "--events", "--trx-consistency-only"]
    packed = ["--compress=ZSTD"] if zstd else ["--compress"]

    def dumped(database: str, to: Path) -> list[str]:
        return [dump, *own, *what, *packed, "--rows", "500000", "-B", database, "-o", str(to)]

    def loaded(database: str, of: Path) -> list[str]:
        return [restore, *own, "-B", database, "-d", str(of)]

    return Peer(
        f"mydumper -t{jobs}, {'zstd' if zstd else 'gzip'}", f"myloader -t{jobs}", version, dumped, loaded
    )


def _knows_zstd(dump: str, version: str) -> bool:
    """Whether it can write zstd: from 16 on, unless it was built without, which it says before all else."""
    if _number(version) < _ZSTD_SINCE["pg_dump"]:
        return False
    asked = [dump, "-Fc", "-Z", "zstd", "-f", "/dev/null", "-h", "/nowhere"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return "does not support compression" not in done.stderr


def _number(version: str) -> tuple[int, ...]:
    match = re.search(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)


def _timed(argv: list[str]) -> Run:
    before, begun = _spent(), time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failed(f"{Path(argv[0]).name} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return Run(time.perf_counter() - begun, _spent() - before)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
