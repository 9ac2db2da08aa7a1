"""The database beside a target that a restore fills: found or made; dropped, or kept, where that fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from python_backup.engines.engine import Server
from python_backup.errors import BackupError, ConnectionFailed
from python_backup.instance import Instance
from python_backup.jobs.beside import abandon, free_beside
from python_backup.jobs.connected import connected
from python_backup.jobs.in_place import resume
from python_backup.jobs.loading import Loading
from python_backup.jobs.parts.kept import Kept, find, stays
from python_backup.log.tell import timed
from python_backup.policy.beside import RESTORING


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is loaded, for which target; ``warnings`` gathers what the person should know."""

    instance: Instance
    target: str
    loading: Loading
    warnings: list[str]

    def fresh(self, server: Server, at: datetime) -> str:
        """The name of a database that an earlier run of this restore kept, else of a new one."""
        return self._kept(server) or self._made(server, at)

    def given_up(self, fresh: str, failed: BaseException) -> None:
        """Takes back what this restore made, over a connection of its own: the other may be lost."""
        instance, target, progress = self.instance, self.target, self.loading.progress
        try:
            with connected(instance) as server:
                told = stays(server, fresh, target, instance, failed) if self.loading.kept_as else None
                if told is not None:
                    progress.note(told)
                    return
                left = abandon(server, fresh, target)
                if left is not None:
                    progress.note(f"database {target!r}: {left}; to end it: {resume(target, instance)}")
        except BackupError as exc:
            progress.note(f"the unfinished database {fresh!r} could not be dropped: {exc.message}")

    def _made(self, server: Server, at: datetime) -> str:
        fresh = free_beside(server, self.instance, self.target, RESTORING, at)
        try:
            with timed("create"):
                self.warnings.extend(server.create(fresh, self.loading.whole.like))
        except (KeyboardInterrupt, ConnectionFailed) as exc:  # no answer: the server may have made it
            self.given_up(fresh, exc)
            raise
        return fresh

    def _kept(self, server: Server) -> str | None:
        of, seen = self.loading.kept_as, self.loading.whole.examination
        if of is None:
            return None
        for found in find(server, self.instance, self.target, seen, of):
            told = found.told if isinstance(found, Kept) else found
            self.loading.progress.note(told)
            self.warnings.append(told)
            if isinstance(found, Kept):
                return found.database
        return None
