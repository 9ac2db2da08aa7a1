"""Real servers for one run: each is started once, when the first process wants it, and shared by all.

A session is a folder. Its owner holds a lock on the file ``owner`` and so keeps the servers alive;
any process that knows the folder may begin a server or wait for one. A server belongs to a
`support.keeper` process of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from python_backup.instance import Dbms, Instance, Secret, Tools
from support.programs import Program

PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One running server. ``socket`` is what its clients take: PostgreSQL's is a folder.

    The superuser needs the password over TCP; on the socket PostgreSQL needs none. ``bin`` is the
    folder of the server's own client programs, empty where the machine has none; ``command`` then
    runs a program where they are (``docker exec -i …``).
    """

    id: str
    dbms: str
    version: str
    host: str
    port: int
    socket: str
    superuser: str
    password: str = field(repr=False)
    bin: str = ""
    command: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The engine: MariaDB is a flavour of ``mysql``."""
        return "postgresql" if self.dbms == "postgresql" else "mysql"

    @property
    def major(self) -> tuple[int, ...]:
        """The version to compare with: ``(15, 20)``, ``(10, 11, 19)``."""
        return tuple(int(part) for part in self.version.split("."))


def instance_for(server: RunningServer, *, socket: bool = False, id: str = "1") -> Instance:  # noqa: A002
    """The server as the config would name it, with its superuser; over TCP unless ``socket``."""
    tools = Tools(path=Path(server.bin) if server.bin else None)
    if server.command:
        inside = {Dbms.POSTGRESQL: 5432}.get(Dbms(server.dbms), 3306)
        tools = Tools(command=server.command, host="127.0.0.1", port=inside)
    return Instance(
        id=id, name=server.id, dbms=Dbms(server.dbms), host=server.host, port=server.port,
        socket=server.socket if socket else None, username=server.superuser,
        password=Secret(lambda: server.password), tools=tools,
    )  # fmt: skip


class Session:
    """The servers of one run, found by the session's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, programs: Iterable[Program]) -> None:
        """Has these servers started, unless a process of this run did so; does not wait."""
        for program in programs:
            try:
                (self.folder / program.id).mkdir()
            except FileExistsError:
                continue
            os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "support.keeper", str(self.folder), json.dumps(asdict(program))],
                {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                file_actions=_detached(self.folder / f"{program.id}.log"),
                setsid=True,  # Ctrl-C is for the owner; the keeper goes when the owner does
            )

    def wait(self, program: Program) -> RunningServer:
        """The running server; begins it if nobody did. Raises `RuntimeError` with the server's log."""
        self.begin([program])
        ready, failed = (self.folder / f"{program.id}.{word}" for word in ("ready", "failed"))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if failed.exists():
                raise RuntimeError(failed.read_text())
            if ready.exists():
                return _read(ready)
            time.sleep(0.05)
        raise RuntimeError(f"{program.id} gave no sign within {PATIENCE:.0f} s")

    @contextmanager
    def reserved(self, server: RunningServer, what: str) -> Iterator[None]:
        """While the block runs, no other process of this run has the same of this server."""
        with (self.folder / f"{server.id}.{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def running(self) -> list[RunningServer]:
        """The servers that came up in this run."""
        return [_read(path) for path in sorted(self.folder.glob("*.ready"))]


@contextmanager
def session() -> Iterator[Session]:
    """Owns a new session; at the end its servers are gone and its folder too."""
    folder = Path(tempfile.mkdtemp(prefix="vya-", dir=_short_folder()))
    folder.chmod(0o755)  # the servers' own folders, below it, are closed
    try:
        with (folder / "owner").open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            yield Session(folder)
    finally:
        end = time.monotonic() + 30
        while any(path.is_dir() for path in _entries(folder)) and time.monotonic() < end:
            time.sleep(0.05)
        shutil.rmtree(folder, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:  # the last keeper took it away
        return []


def _short_folder() -> str:
    place = Path(tempfile.gettempdir()).resolve()
    reachable = os.geteuid() != 0 or all(p.stat().st_mode & 0o001 for p in (place, *place.parents))
    return str(place) if reachable and len(str(place)) <= 40 else "/tmp"  # a socket's path has 107 bytes


def _detached(log: Path) -> list[tuple[int, ...]]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]


def _read(path: Path) -> RunningServer:
    known = json.loads(path.read_text())
    return RunningServer(**{**known, "command": tuple(known["command"])})
