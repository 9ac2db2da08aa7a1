"""What dead runs left on this machine; nothing is removed here, the next run that writes does that."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.model import Check, Verdict
from python_backup.storage.leftovers import left_in
from python_backup.storage.locks import locks_in, machine_folder
from python_backup.stream.private import left_private

_SHOWN = 3


def leftover_files(folders: tuple[Path, ...]) -> Iterator[Check]:
    """Unfinished files in the folders, and private folders for the dump tools, that no process holds."""
    dead = [*(path for folder in folders for path in left_in(folder)), *left_private()]
    if not dead:
        yield Check("leftover files", Verdict.OK, "no unfinished file of a dead run")
        return
    size = sum(_size(path) for path in dead)
    yield Check(
        "leftover files", Verdict.WARNING, f"unfinished files of dead runs, {size:,} bytes: {_listed(dead)}",
        _removal(dead),
    )  # fmt: skip


def locks(places: tuple[Path, ...]) -> Iterator[Check]:
    """The machine's locks: whether there is a place for them, who holds them, and which are stale."""
    try:
        machine = machine_folder(places)
    except StorageFailed as exc:
        yield Check("locks", Verdict.FAILURE, exc.message, exc.hint)
        return
    holders, stale = locks_in(machine)
    if stale:
        yield Check("locks", Verdict.WARNING, f"stale locks of dead runs: {_listed(stale)}", _removal(stale))
        return
    held = "; ".join(map(str, dict.fromkeys(holders))) or "none is held, none is stale"
    yield Check("locks", Verdict.OK, f"{machine}: {held}")


def _removal(paths: list[Path] | tuple[Path, ...]) -> str:
    return "rm -r -- " + " ".join(shlex.quote(str(path)) for path in paths)


def _listed(paths: list[Path] | tuple[Path, ...]) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN])
    return names + (f" and {len(paths) - _SHOWN} more" if paths[_SHOWN:] else "")


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
