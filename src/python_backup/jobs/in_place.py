"""Replacing a database where there is no room for two: a safety backup first, put back when all else fails.

The target is never gone, only empty: an empty database takes its place, with its owner, grants and
settings, and the old contents are dropped. Then the restore goes on as any other. So a target that
holds something is whole, the old one or the new one, and one that is empty is to be filled again.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from python_backup.dump.choices import Choices
from python_backup.dump.dialect import SourceDatabase
from python_backup.engines.engine import Server
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError, FactsDiffer, Refused
from python_backup.instance import Instance, Throttle
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.beside import abandon, free_beside
from python_backup.jobs.compare import compare
from python_backup.jobs.connected import connected
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import Loading, Whole, examine_whole
from python_backup.jobs.progress import Progress
from python_backup.log.tell import about, timed
from python_backup.model import Format
from python_backup.policy.beside import BEFORE, RESTORING
from python_backup.storage.safety import Mark, drop_oldest, is_held, marked, marks, taken_up, unmark


@dataclass(frozen=True, slots=True)
class Safety:
    """Where safety backups go, and how many of each target are kept."""

    folder: Path
    keep: int = 10


@dataclass(frozen=True, slots=True)
class Emptied:
    """A target that is empty now; ``before`` is a free name for that empty database when it is replaced.

    ``grants`` are what went with the contents, to be given again. ``succeed`` is called when the target
    is restored.
    """

    before: str
    grants: tuple[str, ...]
    succeed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class InPlace:
    """Restores in place on one instance."""

    instance: Instance
    safety: Safety
    progress: Progress
    now: Callable[[], datetime]

    def back_up(self, server: Server, target: str) -> Path:
        """Takes the safety backup; it is whole, or there is none.

        Raises:
            Refused: the account cannot see all of the database, or the server would not take all of it back.
            BackupError: the backup failed.
        """
        stays_away = server.unreturnable(target)
        if stays_away:
            raise Refused(
                f"a safety backup of {target!r} could not put all of it back: {'; '.join(stays_away)}",
                hint="Nothing was touched. Restore under another name with --target NAME.",
            )
        lacks = server.lacks(target)
        if lacks:
            raise Refused(
                f"a safety backup of {target!r} would not be whole: {'; '.join(map(str, lacks))}",
                hint="Grant what is missing, or restore without --in-place.",
            )
        (result,) = back_up(
            BackupRequest((self._plain,), (target,), self.safety.folder, Format.ZSTD), self.progress, self.now
        )
        if result.error is not None:
            raise result.error
        if result.path is None or result.manifest is None or result.manifest.partial:
            why = result.manifest.errors[0] if result.manifest else "nothing was written"
            raise Refused(f"the safety backup of {target!r} is not whole: {why}; nothing was touched")
        self.progress.note(f"safety backup of {target}: {result.path}")
        return result.path

    @property
    def _plain(self) -> Instance:
        """The instance with dumps of plain SQL, which need no program to be read, and with all rights."""
        return replace(self.instance, custom_format=False, rights=True)

    @contextmanager
    def emptied(
        self, server: Server, target: str, artifact: Path, like: SourceDatabase | None, *, disconnect: bool
    ) -> Iterator[Emptied]:
        """The target is empty inside, and what it held is in the artifact.

        Where it does not succeed, and whatever is raised inside, it is filled from the artifact again; an
        error's message then says so.
        """
        empty = free_beside(server, self.instance, target, RESTORING, self.now())
        before = free_beside(server, self.instance, target, BEFORE, self.now())
        mark = Mark(artifact, self.instance.id, target, (empty, before), server.grants(target))
        done: list[bool] = []
        with marked(mark):
            try:
                with timed("empty"):
                    server.create(empty, like)
                    server.take_over(Swap(empty, target, before, disconnect=disconnect))
                    server.drop(before)
                yield Emptied(before, mark.grants, lambda: done.append(True))
            except BaseException as exc:
                server.close()  # it may be amid a statement; another connection works on the target now
                self._mended_after(exc, mark)
                raise
            self._ended(server, mark, succeeded=bool(done))

    @contextmanager
    def standing(
        self, server: Server, target: str, artifact: Path, *, disconnect: bool
    ) -> Iterator[Callable[[], None]]:
        """As `emptied`, of a target that stays where it is: what it held is dropped in it.

        Calling what is given says that it is filled.
        """
        mark = Mark(artifact, self.instance.id, target, (), server.grants(target))
        done: list[bool] = []
        with marked(mark):
            try:
                with timed("empty"):
                    server.empty(target, str(artifact), disconnect=disconnect)
                yield lambda: done.append(True)
                if done:
                    self._noted(server.filled(target, mark.grants))
            except BaseException as exc:
                server.close()  # it may be amid a statement; another connection works on the target now
                self._mended_after(exc, mark)
                raise
            self._ended(server, mark, succeeded=bool(done))

    def _ended(self, server: Server, mark: Mark, *, succeeded: bool) -> None:
        if succeeded:
            unmark(mark, replaced=True)
        else:
            self.progress.note(self.mend(server, mark))
        drop_oldest(self.safety.folder, self.instance.id, mark.database, self.safety.keep)

    def _mended_after(self, exc: BaseException, mark: Mark) -> None:
        """Mends, and tells of it in the error; where that fails too, how to go on."""
        try:
            with connected(self.instance) as server, about(database=mark.database):
                server.hold(mark.database)
                what = self.mend(server, mark)
        except BackupError as second:
            what = (
                f"putting back the safety backup {mark.artifact} failed too: {second.message};"
                f" mend what is in the way, then run: {resume(mark.database, self.instance)}"
            )
        self.progress.note(what)
        if isinstance(exc, BackupError):
            exc.message = f"{exc.message}\n{what}"

    def mend(self, server: Server, mark: Mark) -> str:
        """Ends a restore in place: fills a target that is empty from its safety backup.

        Drops what was made beside it, removes the mark, and returns a sentence. The server is held.
        """
        for name in mark.beside:
            if server.exists(name):
                server.drop(name)
        half = server.half_filled(mark.database) is not None
        whole = not half and server.exists(mark.database) and bool(server.objects(mark.database))
        if not whole:
            with timed("put_back"):
                (self._put_back if mark.beside else self._put_back_standing)(server, mark)
        unmark(mark)
        if whole:
            return f"{mark.database} holds what it should; its safety backup {mark.artifact} was not needed"
        return f"{mark.database} was put back from its safety backup {mark.artifact}"

    def _noted(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            self.progress.note(warning)

    @property
    def _hurried(self) -> Instance:
        """The instance without a throttle: its target is empty, and nobody is served meanwhile."""
        return replace(self.instance, throttle=Throttle())

    def _own(self, mark: Mark) -> Whole:
        # what this program took of the target itself goes back, whatever its routines and events may do
        return examine_whole(mark.artifact, self._hurried, None, Examiner(self.progress, guarded=False))

    def _put_back_standing(self, server: Server, mark: Mark) -> None:
        whole = self._own(mark)
        if not server.exists(mark.database):
            server.create(mark.database, whole.like)
        server.empty(mark.database, str(mark.artifact), disconnect=True)
        self._filled(server, whole, mark, mark.database)
        self._noted(server.filled(mark.database, mark.grants))

    def _filled(self, server: Server, whole: Whole, mark: Mark, database: str) -> None:
        choices = Choices(final_name=mark.database, rename_ambiguous=False, events="keep")
        Loading(whole, self._hurried, self.progress, choices).fill(server, database)
        if not compare(server, database, whole.facts).equal:
            raise FactsDiffer(f"database {mark.database!r} put back from {mark.artifact} differs from it")

    def _put_back(self, server: Server, mark: Mark) -> None:
        target = mark.database
        whole = self._own(mark)
        fresh = free_beside(server, self.instance, target, RESTORING, self.now())
        server.create(fresh, whole.like)
        try:
            self._filled(server, whole, mark, fresh)
            before = mark.beside[-1] if server.exists(target) else None
            swap = Swap(fresh, target, before, disconnect=True, grants=mark.grants)
            self._noted(server.take_over(swap))
        except BackupError:
            abandon(server, fresh, target)
            raise
        if before is not None:
            server.drop(before)  # it was empty


def unfinished_in_place(instance: Instance, target: str, safety: Safety | None) -> str | None:
    """What a restore in place left of itself, in a sentence; None where there is nothing."""
    for mark in marks(safety.folder, instance.id, target) if safety else ():
        if is_held(mark):
            return "a restore in place is running on it"
        return f"a restore in place was killed; what it held is in the safety backup {mark.artifact}"
    return None


def settle_in_place(server: Server, place: InPlace, target: str) -> Iterator[str]:
    """Mends what killed restores in place left; a sentence for each. The server is held."""
    for mark in marks(place.safety.folder, place.instance.id, target):
        with taken_up(mark) as free:
            yield (
                place.mend(server, mark)
                if free
                else f"a restore in place is running on {target}; it was left alone"
            )


def resume(target: str, instance: Instance) -> str:
    """The command that ends what a killed run left."""
    return f"vya-backupdb restore --resume-or-undo {shlex.quote(target)} --instance {instance.id}"
