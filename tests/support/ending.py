"""Ends one of the program's own sessions between two of its messages, as an administrator's KILL does.

Counted are the messages of this process to the server, over all its sessions: from the first to the last of an
operation, each is a moment at which the session may be gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from python_backup.engines.postgresql.listening import Link
from support import databases
from support.servers import RunningServer

_LISTED = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid = {}",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE id = {}",
}
_END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


@dataclass
class Moments:
    """``seen`` counts; the session that comes to number ``at`` is ended, and ``ended`` says so."""

    server: RunningServer
    at: int | None
    seen: int = 0
    ended: bool = False
    _one: threading.Lock = field(default_factory=threading.Lock)

    def come(self, number: int) -> None:
        """Called for the session of this number on the server, at each of its messages."""
        with self._one:
            self.seen += 1
            if self.seen != self.at:
                return
            self.ended = True
        with suppress(pymysql.MySQLError):  # gone by itself
            databases.rows(self.server, None, _END[self.server.family].format(number))
        end = monotonic() + 10
        while databases.scalar(self.server, None, _LISTED[self.server.family].format(number)):
            assert monotonic() < end, "a session that was killed does not end"
            sleep(0.01)


@contextmanager
def ending(server: RunningServer, at: int | None = None) -> Iterator[Moments]:
    """Counts messages while the block runs, and ends the session of the ``at``-th: MySQL's before it is sent,
    PostgreSQL's when it was answered.
    """
    moments = Moments(server, at)
    with pytest.MonkeyPatch.context() as patch:
        if server.family == "postgresql":
            wait = Link.wait

            def waited(link: Link, *args: Any, **options: Any) -> Any:
                answer = wait(link, *args, **options)
                moments.come(link.pgconn.backend_pid)
                return answer

            patch.setattr(Link, "wait", waited)
        else:
            execute = Connection._execute_command

            def executed(link: Any, *args: Any) -> Any:
                if link._connect_attrs.get("program_name") == "vya-backupdb":
                    moments.come(link.thread_id())
                return execute(link, *args)

            patch.setattr(Connection, "_execute_command", executed)
        yield moments
