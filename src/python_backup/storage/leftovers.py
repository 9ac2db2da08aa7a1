"""What a run that was killed left in a backup folder: what is temporary, artifacts without manifest.

A temporary file whose lock is free is of a dead run. Where it is the second name of an artifact that has
no manifest, that run died between the two, and the artifact is no backup.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from python_backup.model import MANIFEST
from python_backup.storage.names import parse_name
from python_backup.stream.hold import abandoned
from python_backup.stream.publish import is_temporary, names_given


def clear_folder(folder: Path) -> tuple[Path, ...]:
    """Removes what dead runs left in this folder; returns which files. A living run's are left alone."""
    return tuple(file for path in _temporary(folder) for file in _cleared(path))


def left_in(folder: Path) -> tuple[Path, ...]:
    """What `clear_folder` would remove."""
    return tuple(file for path in _temporary(folder) for file in _left(path))


def _temporary(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if is_temporary(entry.name))
    except OSError:
        return []


def _left(temporary: Path) -> list[Path]:
    with abandoned(temporary) as free:
        return [*_unfinished(temporary), temporary] if free else []


def _cleared(temporary: Path) -> list[Path]:
    cleared: list[Path] = []
    with abandoned(temporary) as free, suppress(OSError):  # a folder that cannot be written stays as it is
        if free:
            for file in (*_unfinished(temporary), temporary):
                _remove(file)
                cleared.append(file)
    return cleared


def _remove(path: Path) -> None:
    """Removes a file, or the folder that a backup in parts was being made in."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unfinished(temporary: Path) -> list[Path]:
    """An artifact that never got its manifest, and its checksum; the checksum first."""
    found: list[Path] = []
    for artifact in names_given(temporary):
        if parse_name(artifact.name) and not artifact.with_name(artifact.name + MANIFEST).exists():
            checksum = artifact.with_name(artifact.name + ".sha256")
            found += [checksum, artifact] if checksum.exists() else [artifact]
    return found
