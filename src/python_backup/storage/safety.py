"""Safety backups, and the marks of restores in place that are under way or were killed.

A safety backup lies in a folder of its own as any other backup does. While the database that it is of
is being replaced in place, ``NAME.in-place.json`` stands beside it, locked by the process that works
on it: a mark that nobody holds was left by a process that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from python_backup.errors import ArtifactError, ArtifactMissing
from python_backup.model import IN_PLACE, Backup
from python_backup.storage.folder import backups
from python_backup.stream.publish import publishing, storage_failed

FOLDER = "safety"
"""The folder of safety backups within the backup folder."""

MARK = IN_PLACE
REPLACED = ".replaced.json"
"""What the mark is called when its restore has succeeded: the backup holds what was replaced."""

_FORMAT = "vya-backupdb/in-place"


@dataclass(frozen=True, slots=True)
class Mark:
    """One restore in place: of which database, and the databases that it makes beside it.

    ``grants`` are statements that give rights again which went with the contents.
    """

    artifact: Path
    instance: str
    database: str
    beside: tuple[str, ...]
    grants: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The mark's own file."""
        return self.artifact.with_name(self.artifact.name + MARK)


@contextmanager
def marked(mark: Mark) -> Iterator[None]:
    """Writes the mark and holds its lock inside; it stays afterwards, for `unmark` to remove.

    Raises:
        StorageFailed: it cannot be written.
    """
    content = {
        "format": _FORMAT,
        "version": 1,
        "artifact": mark.artifact.name,
        "instance": mark.instance,
        "database": mark.database,
        "beside": mark.beside,
        "grants": mark.grants,
    }
    with publishing(mark.path) as sink:
        sink.write(json.dumps(content, indent=2).encode() + b"\n")
        sink.commit()
    with _held(mark.path):
        yield


@contextmanager
def taken_up(mark: Mark) -> Iterator[bool]:
    """Holds the lock of a mark that was left; False where another process works on it."""
    try:
        with _held(mark.path):
            yield True
    except BlockingIOError:
        yield False


def unmark(mark: Mark, *, replaced: bool = False) -> None:
    """The work is done: nothing is left to be mended.

    ``replaced``: the database holds something else now, and `safe_of` finds the safety backup.
    """
    if replaced:
        mark.path.replace(mark.artifact.with_name(mark.artifact.name + REPLACED))
    else:
        mark.path.unlink(missing_ok=True)


def safe_of(folder: Path, instance: str, database: str) -> tuple[Backup, ...]:
    """The safety backups that hold what restores in place replaced, the latest first."""
    with suppress(ArtifactMissing):
        mine = (b for b in backups(folder) if _is_of(b, instance, database))
        return tuple(b for b in mine if b.path.with_name(b.path.name + REPLACED).exists())
    return ()


def marks(folder: Path, instance: str, database: str) -> tuple[Mark, ...]:
    """The marks of restores in place of this database, the latest first; raises as `all_marks`."""
    return tuple(m for m in all_marks(folder) if (m.instance, m.database) == (instance, database))


def all_marks(folder: Path) -> tuple[Mark, ...]:
    """The marks of all restores in place, the latest first.

    Raises:
        ArtifactError: one cannot be read.
    """
    try:
        paths = sorted((path for path in folder.iterdir() if path.name.endswith(MARK)), reverse=True)
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise ArtifactError(f"{folder} cannot be read: {exc.strerror}") from exc
    found = (_read(path) for path in paths)
    return tuple(m for m in found if m is not None)


def is_held(mark: Mark) -> bool:
    """Whether a process works on it now."""
    with taken_up(mark) as free:
        return not free


def drop_oldest(folder: Path, instance: str, database: str, keep: int) -> tuple[Path, ...]:
    """Removes this database's safety backups but for the latest ``keep``; returns what was removed.

    One that is marked is never removed.

    Raises:
        StorageFailed: one cannot be removed.
    """
    with suppress(ArtifactMissing):
        mine = [b for b in backups(folder) if _is_of(b, instance, database)]
        old = [b.path for b in mine[keep:] if not b.path.with_name(b.path.name + MARK).exists()]
        for path in old:
            _remove(path)
        return tuple(old)
    return ()


def _is_of(backup: Backup, instance: str, database: str) -> bool:
    manifest = backup.manifest
    return manifest is not None and (manifest.instance, manifest.database) == (instance, database)


def _remove(artifact: Path) -> None:
    """The manifest first: without it, the rest is no backup."""
    for suffix in (REPLACED, ".manifest.json", ".sha256", ""):
        path = artifact.with_name(artifact.name + suffix)
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise storage_failed(path, exc) from exc


@contextmanager
def _held(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # mended meanwhile
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> Mark | None:
    try:
        told = json.loads(path.read_bytes())
        artifact = path.with_name(path.name.removesuffix(MARK))
        beside, grants = tuple(map(str, told["beside"])), tuple(map(str, told.get("grants", ())))
        return Mark(artifact, str(told["instance"]), str(told["database"]), beside, grants)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise ArtifactError(
            f"{path} cannot be read", hint="Look at it: it tells of a restore in place that was killed."
        ) from exc
