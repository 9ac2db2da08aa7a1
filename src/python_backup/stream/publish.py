"""A file that appears under its name whole or not at all, and in place of another only where that is asked.

Written under a temporary name in the same folder (``.NAME.partial-RANDOM``), made durable, then
linked to its name: link(2) fails where the name is taken, rename(2) would replace. The writer holds the
temporary file's lock and removes its name last, so that what a dead run left can be told and undone.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.stream.hold import has_name, take
from python_backup.stream.writeback import STEP, begin_writing

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES})
_TEMPORARY = re.compile(r"\..+\.partial-[0-9a-f]{8}\Z", re.DOTALL)
_STEM_KEPT = 200  # characters of a name that its temporary name keeps
_DRAWS = 20
_HINTS = {
    errno.ENOSPC: "Free space there, or set backup.directory to another file system.",
    errno.EDQUOT: "Free space within the quota, or set backup.directory to another file system.",
    errno.EROFS: "Mount the file system for writing, or set backup.directory to another one.",
    errno.EACCES: "Let this account write there (chown, chmod), or set backup.directory to another folder.",
    errno.EPERM: "Let this account write there (chown, chmod), or set backup.directory to another folder.",
    errno.ENOENT: "Make the folder, or set backup.directory to another one.",
    errno.ENOTDIR: "Set backup.directory to a folder.",
    errno.EIO: "Look at the system's log for errors of the disk.",
}


def is_temporary(name: str) -> bool:
    """Whether a file of this name is being written, or was left by a run that died while it wrote."""
    return bool(_TEMPORARY.match(name))


def names_given(temporary: Path) -> tuple[Path, ...]:
    """The other names in its folder of a temporary file: those that it was published under already."""
    try:
        status = temporary.lstat()
        if status.st_nlink == 1:
            return ()
        with os.scandir(temporary.parent) as entries:
            same = [entry.name for entry in entries if entry.inode() == status.st_ino]
    except OSError:
        return ()
    return tuple(temporary.with_name(name) for name in same if not is_temporary(name))


def storage_failed(path: Path, exc: OSError, wanted: int = 0) -> StorageFailed:
    """The error for a file or folder that cannot be written, with a hint that fits the reason.

    ``wanted`` is how many bytes there was no room for.
    """
    short = ""
    if wanted and exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        short = f"; at least {wanted:,} bytes short"
    return StorageFailed(f"{path} cannot be written: {exc.strerror}{short}", hint=_HINTS.get(exc.errno or 0))


def make_temporary(final: Path, draw: Callable[[int], bytes], make: Callable[[Path], bool]) -> Path:
    """The first temporary name beside ``final`` under which ``make`` makes and holds something.

    Raises:
        StorageFailed: each was removed by others before it was held; and what ``make`` raises.
    """
    for _ in range(_DRAWS):
        temporary = final.with_name(f".{final.name[:_STEM_KEPT]}.partial-{draw(4).hex()}")
        if make(temporary):
            return temporary
    raise StorageFailed(f"{final.parent} cannot be written: others remove what is made there")


def write_whole(descriptor: int, block: bytes, folder: Path) -> None:
    """Writes all of the block to a file in the folder.

    Raises:
        StorageFailed: the disk did not take it; says how much there was no room for.
    """
    rest = memoryview(block)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as exc:
        raise storage_failed(folder, exc, len(rest)) from exc


@contextmanager
def publishing(final: Path, *, draw: Callable[[int], bytes] = os.urandom) -> Iterator[Sink]:
    """A sink that becomes the file ``final`` (mode 0600) when it is committed.

    Without `Sink.commit`, or after an exception, nothing is left behind.

    Args:
        final: The file's name; its folder is there.
        draw: Where the temporary name's random bytes come from.

    Raises:
        StorageFailed: the file cannot be made, written or published.
    """
    sink = Sink(final, draw)
    try:
        yield sink
    finally:
        sink.close()


def write_named(path: Path, content: bytes) -> None:
    """Writes the file that somebody named for a command's output: mode 0600, in place of one that is there.

    It is replaced whole or not at all; what is no file (a pipe, a device) is written into.

    Raises:
        StorageFailed: it cannot be written; what stood there still stands.
    """
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        with publishing(path) as sink:
            sink.write(content)
            sink.replace() if path.exists() else sink.commit()
    except (OSError, StorageFailed) as exc:
        why = exc.message.rpartition(": ")[2] if isinstance(exc, StorageFailed) else exc.strerror
        raise StorageFailed(
            f"{path} cannot be written: {why}", hint="Let this account write there, or name another file."
        ) from exc


class Sink:
    """Takes the bytes of one file; ``size`` is what was written."""

    def __init__(self, final: Path, draw: Callable[[int], bytes]) -> None:
        self.size = 0
        self._begun = 0  # how far the disk was asked to write
        self._final = final
        self._given: Path | None = None
        self._temporary = make_temporary(final, draw, self._opened)

    def _opened(self, temporary: Path) -> bool:
        """Makes the temporary file and takes its lock; False where one who clears up was quicker."""
        self._temporary = temporary
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._temporary, flags, 0o600)
        except OSError as exc:
            raise storage_failed(self._final.parent, exc) from exc
        try:
            os.fchmod(self._descriptor, 0o600)
            held = take(self._descriptor) is not False and has_name(self._descriptor, self._temporary)
        except OSError as exc:
            self.close()
            raise storage_failed(self._final.parent, exc) from exc
        if not held:
            self.close()
        return held

    @property
    def partial(self) -> Path:
        """Where the bytes written so far can be read, until the commit."""
        return self._temporary

    def flush(self) -> None:
        """Has the disk take what was written so far.

        Raises:
            StorageFailed: it did not.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as exc:
            raise storage_failed(self._final.parent, exc) from exc

    def write(self, block: bytes) -> None:
        """Writes the whole block."""
        write_whole(self._descriptor, block, self._final.parent)
        self.size += len(block)
        if self.size >= self._begun + STEP:
            begin_writing(self._descriptor, self._begun, self.size)
            self._begun = self.size

    def commit(self, others: Iterable[Path] = (), *, lasting: bool = True) -> Path:
        """Makes the file durable under its name, or the first of ``others`` that is free; returns which.

        The others are in the same folder. Called once, last. The temporary name stays until `close`:
        what else is to be published with this file can be, before a death would no longer undo it.
        Not ``lasting``: the name outlives a crash only after a lasting commit in the same folder; the
        bytes do, so that a name which is there is never that of half a file.

        Raises:
            StorageFailed: every name is taken, or the disk did not take the bytes.
        """
        folder = self._final.parent
        try:
            os.fsync(self._descriptor)
            for name in chain((self._final,), others):
                self._given = name  # before it is: a signal may come at any moment
                if _named(self._temporary, name):
                    if lasting:
                        sync_folder(folder)
                    return name
        except BaseException as exc:
            self.withdraw()
            if isinstance(exc, OSError):
                raise storage_failed(folder, exc) from exc
            raise
        raise StorageFailed(f"{self._final} is there already and is not replaced")

    def withdraw(self) -> None:
        """Takes back the name that a commit gave the file; called before `close`.

        What cannot be taken back, as the disk takes no changes, the next run finds by its temporary name.
        """
        if self._given is not None and has_name(self._descriptor, self._given):
            with suppress(OSError):
                self._given.unlink()

    def replace(self) -> None:
        """Makes the file durable in place of the one of its name, as that one's owner's; called once, last.

        Raises:
            StorageFailed: the disk did not take the bytes; what stood there still stands.
        """
        folder = self._final.parent
        try:
            old, new = self._final.stat(), os.fstat(self._descriptor)
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                with suppress(PermissionError):  # root's change leaves the file to whom it belongs
                    os.fchown(self._descriptor, old.st_uid, old.st_gid)
            os.fsync(self._descriptor)
            self._temporary.rename(self._final)
            sync_folder(folder)
        except OSError as exc:
            raise storage_failed(folder, exc) from exc

    def close(self) -> None:
        """Ends writing; removes the temporary name, and so what was not committed."""
        if self._descriptor >= 0:
            with suppress(OSError):  # what cannot be removed now, the next run clears up
                self._temporary.unlink()
            with suppress(OSError):  # fsync has told of every error that matters
                os.close(self._descriptor)
            self._descriptor = -1


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries durable, where its file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}:  # network file systems
            raise
    finally:
        os.close(descriptor)


def _named(temporary: Path, final: Path) -> bool:
    """Gives the file its name; False where that is taken."""
    try:
        final.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        # FAT, some network and container file systems know no links. Between this look and the
        # rename another process could take the name; there is no call that every one of them has.
        if os.path.lexists(final):
            return False
        temporary.rename(final)
    return True
