"""A new database that is filled under its own name: on servers where nothing is moved that is to be kept.

A database beside it stands from the beginning to the end, and a mark in it until it is whole. So a killed
run, or a crash of the server, leaves what can be told apart: a target with the mark is not whole, nor is one
that holds nothing while another stands beside it; both were not there before, and are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from python_backup.dump.dialect import SourceDatabase
from python_backup.engines.engine import Server
from python_backup.errors import BackupError
from python_backup.instance import Instance
from python_backup.jobs.beside import free_beside
from python_backup.jobs.connected import connected
from python_backup.jobs.in_place import resume
from python_backup.jobs.progress import Progress
from python_backup.log.tell import timed
from python_backup.policy.beside import RESTORING

NOTHING = ""
"""What `Server.empty` is told of a target that was not there: there is no safety backup of it."""


@dataclass(frozen=True, slots=True)
class Founded:
    """A target that is there, empty and marked; ``keep`` says that it is whole. Both give warnings."""

    warnings: tuple[str, ...]
    keep: Callable[[], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Site:
    """A name that no database of the instance has."""

    instance: Instance
    target: str
    progress: Progress

    @contextmanager
    def founded(self, server: Server, like: SourceDatabase | None, at: datetime) -> Iterator[Founded]:
        """The target is made; where it is not kept, and whatever is raised inside, it is gone afterwards."""
        target, kept = self.target, list[bool]()
        beside = free_beside(server, self.instance, target, RESTORING, at)

        def keep() -> tuple[str, ...]:
            gone = server.filled(target)
            kept.append(True)
            return gone

        try:
            with timed("create"):
                server.create(beside, like)
                warnings = server.create(target, like)
                server.empty(target, NOTHING, disconnect=False)
            yield Founded(warnings, keep)
            if not kept:
                server.settle(target)
            server.drop(beside)
        except BaseException:
            server.close()  # it may be amid a statement; another connection works on the target now
            self._undone(beside)
            raise

    def _undone(self, beside: str) -> None:
        try:
            with connected(self.instance) as server:
                server.hold(self.target)
                if server.half_filled(self.target) == NOTHING:
                    server.settle(self.target)
                server.drop(beside)
        except BackupError as exc:
            self.progress.note(
                f"the unfinished database {self.target!r} could not be dropped: {exc.message};"
                f" to end it: {resume(self.target, self.instance)}"
            )


def is_hollow(server: Server, target: str, beside: str) -> bool:
    """Whether the target was just made, or is all but dropped; ``beside`` stood beside it, and is gone."""
    return bool(server.unmovable(beside)) and server.exists(target) and not server.objects(target)
