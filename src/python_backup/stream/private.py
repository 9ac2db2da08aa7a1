"""Private files: secrets for child processes, readable by their owner alone, gone afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.stream.hold import abandoned, has_name, take

PREFIX = "vya-backupdb-private-"
_DRAWS = 20


@contextmanager
def private_files(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """A new folder (0700) that holds these files (0600), by name; removed on leaving.

    Client programs silently ignore option and password files that others can read, so the modes
    hold whatever the umask.

    Raises:
        StorageFailed: the folder or a file could not be made.
    """
    folder, descriptor = held_folder(PREFIX, Path(tempfile.gettempdir()))
    try:
        for name, content in contents.items():
            try:
                _write(folder / name, content)
            except OSError as exc:
                raise _failed(str(folder), exc) from exc
        yield folder
    finally:
        with suppress(FileNotFoundError):  # a cleaner of old temporary files was here during a long dump
            shutil.rmtree(folder)
        os.close(descriptor)


def left_private() -> tuple[Path, ...]:
    """What `clear_private` would remove."""
    return left_folders(PREFIX, Path(tempfile.gettempdir()))


def left_folders(prefix: str, place: Path) -> tuple[Path, ...]:
    """The held folders of this account's runs that died, by how their names begin."""

    def is_free(folder: Path) -> bool:
        with abandoned(folder) as free:
            return free

    return tuple(filter(is_free, _mine(prefix, place)))


def _mine(prefix: str, place: Path) -> list[Path]:
    """The held folders of this account's runs, dead or alive."""
    try:
        with os.scandir(place) as entries:
            return sorted(place / e.name for e in entries if e.name.startswith(prefix) and _is_mine(e))
    except OSError:
        return []


def clear_private() -> tuple[Path, ...]:
    """Removes the private folders of runs of this account that died; returns which."""
    return clear_folders(PREFIX, Path(tempfile.gettempdir()))


def clear_folders(prefix: str, place: Path) -> tuple[Path, ...]:
    """Removes what `left_folders` tells of; returns which."""
    cleared = []
    for folder in _mine(prefix, place):
        with abandoned(folder) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
                cleared.append(folder)
    return tuple(cleared)


def _is_mine(entry: os.DirEntry[str]) -> bool:
    try:
        return (
            entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        )
    except OSError:
        return False


def make_private(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for their owner alone (0700), whatever the umask.

    Raises:
        OSError: one of them cannot be made, or is no folder.
    """
    above = list(takewhile(lambda place: not place.is_dir(), (folder, *folder.parents)))
    for place in reversed(above):
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            if not place.is_dir():  # else another was quicker
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place)) from None
        else:
            place.chmod(0o700)


def held_folder(prefix: str, place: Path) -> tuple[Path, int]:
    """A new folder (0700), and the descriptor that holds it: it is a dead run's when nobody has that open.

    One who clears up may be quicker than the descriptor; then there is another try.

    Raises:
        StorageFailed: it could not be made.
    """
    try:
        for _ in range(_DRAWS):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            try:
                folder.chmod(0o700)
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            if take(descriptor) is not False and has_name(descriptor, folder):
                return folder, descriptor
            os.close(descriptor)
    except OSError as exc:
        raise _failed(str(place), exc) from exc
    raise StorageFailed(f"private folders vanish from {place} as soon as they are made")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - takes the descriptor
        os.fchmod(descriptor, 0o600)
        file.write(content)


def _failed(folder: str, exc: OSError) -> StorageFailed:
    return StorageFailed(
        f"private files could not be written in {folder}: {exc.strerror}",
        hint="Set TMPDIR to a folder with space that this account can write to.",
    )
