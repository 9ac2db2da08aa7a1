"""The log file: appended to by several runs at once, rotated by size, readable by its owner alone."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class LogFile(logging.Handler):
    """Appends lines; at ``max_size`` bytes the file becomes ``FILE.1``, that ``FILE.2``, up to ``keep``.

    A line is never cut, and none is lost where several processes write: each writes under a lock, and
    looks before whether the file still has its name. What cannot be written is lost, and ``failed`` is
    called with the reason, once: a log ends no backup.
    """

    def __init__(self, path: Path, max_size: int, keep: int, failed: Callable[[str], None]) -> None:
        super().__init__()
        self.path = path
        self._max_size = max_size
        self._keep = keep
        self._failed: Callable[[str], None] | None = failed
        self._descriptor = -1
        try:
            self._open()
        except OSError as exc:
            self._give_up(exc)

    @property
    def works(self) -> bool:
        """Whether everything could be written so far."""
        return self._failed is not None

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record's lines."""
        data = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        try:
            self._append(data)
        except OSError as exc:
            self._give_up(exc)

    def close(self) -> None:
        """Closes the file."""
        self._drop()
        super().close()

    def _append(self, data: bytes) -> None:
        self._locked()
        try:
            size = os.fstat(self._descriptor).st_size
            if size and size + len(data) > self._max_size:
                self._rotate()
                self._locked()
            while data:
                data = data[os.write(self._descriptor, data) :]
        finally:
            if self._descriptor >= 0:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _locked(self) -> None:
        """Holds the lock of the file that has the name now."""
        while True:
            if self._descriptor < 0:
                self._open()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            held = os.fstat(self._descriptor)
            with suppress(FileNotFoundError):
                named = self.path.stat()
                if (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino):
                    return
            self._drop()

    def _rotate(self) -> None:
        """Gives the full file, whose lock is held, its next name; the oldest goes."""
        names = [self.path, *(Path(f"{self.path}.{n}") for n in range(1, self._keep + 1))]
        if not self._keep:
            self.path.unlink()
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            with suppress(FileNotFoundError):
                newer.replace(older)
        self._drop()

    def _open(self) -> None:
        missing = [folder for folder in (self.path.parent, *self.path.parent.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._descriptor = os.open(self.path, flags, 0o600)
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.fchmod(self._descriptor, 0o600)  # whatever the umask, and whoever made it

    def _drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _give_up(self, exc: OSError) -> None:
        self._drop()
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(f"{self.path} cannot be written: {exc.strerror}")
