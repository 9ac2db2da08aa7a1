"""Private files: secrets for child processes, readable by their owner alone, gone afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from python_backup.errors import StorageFailed


@contextmanager
def private_files(contents: Mapping[str, bytes]) -> Iterator[Path]:
    """A new folder (0700) that holds these files (0600), by name; removed on leaving.

    Client programs silently ignore option and password files that others can read, so the modes
    hold whatever the umask.

    Raises:
        StorageFailed: the folder or a file could not be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="vya-backupdb-"))
    except OSError as exc:
        raise _failed(tempfile.gettempdir(), exc) from exc
    try:
        folder.chmod(0o700)
        for name, content in contents.items():
            try:
                _write(folder / name, content)
            except OSError as exc:
                raise _failed(str(folder), exc) from exc
        yield folder
    finally:
        with suppress(FileNotFoundError):  # a cleaner of old temporary files was here during a long dump
            shutil.rmtree(folder)


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
