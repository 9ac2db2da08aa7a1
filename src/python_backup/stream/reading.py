"""The errors of reading an artifact's file, as this program's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Converts what the file system says while the file is read.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactCorrupt: it is a folder.
        ArtifactError: it cannot be read.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise ArtifactMissing(f"there is no file {_named(exc, path)}") from exc
    except IsADirectoryError as exc:
        raise ArtifactCorrupt(f"{path} is a folder, not a dump") from exc
    except OSError as exc:
        raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc


def _named(exc: FileNotFoundError, path: Path) -> Path:
    """The file that is missing: one of the folder's, where it is in one."""
    named = Path(exc.filename) if isinstance(exc.filename, str) else path
    return named if named.is_relative_to(path) else path
