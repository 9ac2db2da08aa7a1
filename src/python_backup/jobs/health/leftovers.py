"""What dead runs left in the backup folder; nothing is removed here."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from python_backup.model import Check, Verdict
from python_backup.stream.publish import is_temporary

_SHOWN = 3


def leftover_files(folders: tuple[Path, ...], processes: Path = Path("/proc")) -> Iterator[Check]:
    """Unfinished files that no process writes any more."""
    found = {path for folder in folders for path in _unfinished(folder)}
    open_files = _open_files(processes) if found else set()
    dead = sorted(path for path in found if _identity(path) not in open_files)
    if not dead:
        running = f"; {len(found)} being written" if found else ""
        yield Check("leftover files", Verdict.OK, f"no unfinished file of a dead run{running}")
        return
    size = sum(_size(path) for path in dead)
    names = ", ".join(path.name for path in dead[:_SHOWN])
    more = f" and {len(dead) - _SHOWN} more" if dead[_SHOWN:] else ""
    yield Check(
        "leftover files", Verdict.WARNING, f"unfinished files of dead runs, {size:,} bytes: {names}{more}",
        "rm -- " + " ".join(shlex.quote(str(path)) for path in dead),
    )  # fmt: skip


def _unfinished(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in folder.iterdir() if is_temporary(path.name))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _open_files(processes: Path) -> set[tuple[int, int] | None]:
    """The files that processes have open, as far as this account may see them."""
    found: set[tuple[int, int] | None] = {None}  # what is gone by now is nobody's leftover
    for descriptors in processes.glob("[0-9]*/fd"):
        with suppress(OSError):
            found |= {_identity(path) for path in descriptors.iterdir()}
    return found


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
