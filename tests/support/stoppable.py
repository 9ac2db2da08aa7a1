"""A server of one test alone, which may be stopped in the midst of its work and started again.

The shared servers of a run do not wait for the disk; what such a one has committed may be gone after
a crash. This one keeps what it has confirmed, as a user's does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from support import databases, keeper, made
from support.programs import Program
from support.recipes import PASSWORD, recipe
from support.servers import RunningServer

LASTING = {
    "postgresql": ["-c", "synchronous_commit=on"],
    "mysql": ["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1"],
}


class Stoppable:
    """One server on its own folder; `start` gives it after a `crash` with the same address.

    ``options`` are further ones of the server program.
    """

    def __init__(self, program: Program, folder: Path, options: Sequence[str] = ()) -> None:
        self._options = options
        self._program = keeper._reachable(program, folder)
        self._folder = folder
        self._plan = recipe(self._program, folder, port := keeper._free_port())
        keeper._write(self._plan, folder)
        make = partial(keeper._make, self._plan, folder)
        if program.family == "mysql":
            made.once(program.id, folder, make)
        else:
            make()
        self._child = None
        self.server = RunningServer(
            id=program.id, dbms=program.dbms, version=program.version, host="127.0.0.1", port=port,
            socket=self._plan.socket, superuser=self._plan.superuser, password=PASSWORD, bin=program.clients,
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """The server's own folder, with ``data`` in it."""
        return self._folder

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self._child is None:
            self._child = keeper._child(
                [*self._plan.serve, *LASTING[self.server.family], *self._options], self._folder
            )
            if not self._listens() or not keeper._answers(self.server, self._child):
                raise keeper.NoServer(keeper._log(self._folder))

    def _listens(self) -> bool:
        """Waits for the port: PyMySQL leaves a socket open when it is refused, which fails a test."""
        end = time.monotonic() + keeper.PATIENCE
        while time.monotonic() < end and self._child.poll() is None:
            with suppress(OSError), socket.create_connection((self.server.host, self.server.port), 1):
                return True
            time.sleep(0.05)
        return False

    def crash(self) -> None:
        """Ends the server at once: nobody is waited for, nothing is tidied up."""
        if self._child is not None:
            keeper._end(self._child, self._plan.signal)
            self._child = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While the block runs the server does nothing at all; its sockets stay open, and the kernel answers."""
        stopped: list[int] = []
        try:
            for _ in range(3):  # what is started meanwhile is stopped too
                stopped += [pid for pid in _tree(self._child.pid) if pid not in stopped]
                _send(stopped, signal.SIGSTOP)
            yield
        finally:
            _send(reversed(stopped), signal.SIGCONT)

    def cut(self) -> None:
        """Ends the connections of everyone else."""
        if self.server.family == "postgresql":
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND pid <> pg_backend_pid()"
            databases.rows(self.server, None, others)
            return
        everyone = (
            "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
            " AND user NOT IN ('system user', 'event_scheduler')"
        )
        for (number,) in databases.rows(self.server, None, everyone):
            with suppress(Exception):  # gone by itself
                databases.execute(self.server, None, f"KILL {number}")

    def alone(self) -> bool:
        """Whether nobody else is connected: a killed program's last statement has come to its end."""
        asked = {
            "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND backend_type ="
            " 'client backend' AND pid <> pg_backend_pid()",
            "mysql": "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id()"
            " AND user NOT IN ('system user', 'event_scheduler')",
        }[self.server.family]
        return databases.scalar(self.server, None, asked) == 0

    def settle(self, patience: float = 60) -> None:
        """Waits until nobody else is connected."""
        end = time.monotonic() + patience
        while not self.alone():
            assert time.monotonic() < end, "a killed program's session does not end"
            time.sleep(0.05)


def _tree(pid: int) -> list[int]:
    """The process and all that it started: PostgreSQL's have groups of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(inner for child in found for inner in _tree(child))]


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def stoppable(program: Program, folder: Path, options: Sequence[str] = ()) -> Iterator[Stoppable]:
    """A running server; afterwards it is gone."""
    folder.mkdir(parents=True)
    one = Stoppable(program, folder, options)
    try:
        one.start()
        yield one
    finally:
        one.crash()


@contextmanager
def lone_server(program: Program, options: Sequence[str] = ()) -> Iterator[Stoppable]:
    """A running server in a folder that is removed with it."""
    place = Path(tempfile.mkdtemp(prefix="vyac-", dir="/tmp"))  # a socket's path has 107 bytes
    place.chmod(0o755)
    try:
        with stoppable(program, place / program.id, options) as one:
            yield one
    finally:
        shutil.rmtree(place, ignore_errors=True)
