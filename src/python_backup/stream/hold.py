"""What a process holds while it lives: a file or folder under ``flock``, which ends with its process.

Whoever can take the lock knows that nobody works on the thing any more. Descriptors are closed on exec,
so no child goes on holding what its dead parent held.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF})
"""flock(2) on network file systems without a lock service; NFS: EBADF without the right to write."""


def take(descriptor: int) -> bool | None:
    """Takes the lock of an open file or folder, without waiting; None where its file system knows no locks.

    The lock is given up when the descriptor is closed.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        if exc.errno not in _NO_LOCKS:
            raise
        return None
    return True


def has_name(descriptor: int, path: Path) -> bool:
    """Whether the open file has its name still: before its lock was taken, another could remove it."""
    try:
        named, held = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


@contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether no living process holds the file or folder; inside, none can take it.

    False also where it cannot be known: another account's, or a file system without locks.
    """
    folder = path.is_dir() and not path.is_symlink()
    flags = os.O_RDONLY | os.O_DIRECTORY if folder else os.O_RDWR
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield False
        return
    try:
        yield take(descriptor) is True and has_name(descriptor, path)
    finally:
        os.close(descriptor)
