"""A folder of files that appears under its name whole or not at all.

Made under a temporary name beside it (`publish.is_temporary`), whose lock the writer holds; every file in it
is made durable, then the folder is renamed. Files are written by several threads, each its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.stream.hold import has_name, take
from python_backup.stream.publish import make_temporary, storage_failed, sync_folder, write_whole


@contextmanager
def publishing_folder(final: Path, *, draw: Callable[[int], bytes] = os.urandom) -> Iterator[NewFolder]:
    """A folder (mode 0700) that becomes ``final`` when it is committed.

    Without `NewFolder.commit`, or after an exception, nothing is left behind.

    Raises:
        StorageFailed: it cannot be made, written or published.
    """
    folder = NewFolder(final, draw)
    try:
        yield folder
    finally:
        folder.close()


class NewFolder:
    """A folder on its way; ``path`` is where it is until the commit."""

    def __init__(self, final: Path, draw: Callable[[int], bytes]) -> None:
        self._final = final
        self._descriptor = -1
        self._inner: set[Path] = set()
        self.path = make_temporary(final, draw, self._made)

    def _made(self, temporary: Path) -> bool:
        """Makes the temporary folder and takes its lock; False where one who clears up was quicker."""
        self.path = temporary
        try:
            self.path.mkdir(mode=0o700)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags)
            held = take(self._descriptor) is not False and has_name(self._descriptor, self.path)
        except FileNotFoundError:
            held = False
        except OSError as exc:
            self.close()
            raise storage_failed(self._final.parent, exc) from exc
        if not held:
            self.close()
        return held

    @contextmanager
    def file(self, name: str) -> Iterator[Member]:
        """A new file (mode 0600); ``name`` may begin with one folder's, which is made. Durable on leaving.

        Raises:
            StorageFailed: it cannot be written.
        """
        path = self.path / name
        try:
            if path.parent != self.path:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                self._inner.add(path.parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        except OSError as exc:
            raise storage_failed(self._final.parent, exc) from exc
        try:
            yield Member(self._final.parent, descriptor)
            os.fsync(descriptor)
        except OSError as exc:
            raise storage_failed(self._final.parent, exc) from exc
        finally:
            os.close(descriptor)

    def commit(self, final: Path) -> Path:
        """Gives the folder its name, ``final``, and returns it; called once, last.

        Raises:
            StorageFailed: the name is taken, or the disk did not take the bytes.
        """
        if os.path.lexists(final):  # rename(2) would replace an empty folder
            raise StorageFailed(f"{final} is there already and is not replaced")
        try:
            for inner in (*self._inner, self.path):
                sync_folder(inner)
            self.path.rename(final)
            sync_folder(final.parent)
        except BaseException as exc:  # a signal may come at any moment
            if has_name(self._descriptor, final):
                with suppress(OSError):
                    final.rename(self.path)
            if isinstance(exc, OSError):
                raise storage_failed(final, exc) from exc
            raise
        descriptor, self._descriptor = self._descriptor, -1  # from here on `close` removes nothing
        self.path = final
        os.close(descriptor)
        return final

    def close(self) -> None:
        """Removes what was not committed."""
        if self._descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)  # what cannot be removed now, the next run clears up
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


class Member:
    """Takes the bytes of one file; ``size`` is what was written."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.size = 0
        self._folder = folder
        self._descriptor = descriptor

    def write(self, block: bytes) -> None:
        """Writes the whole block."""
        write_whole(self._descriptor, block, self._folder)
        self.size += len(block)
