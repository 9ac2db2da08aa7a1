"""How much room the disk has that a server keeps its data on, where that can be known from here."""

from __future__ import annotations

import os
from pathlib import Path

from python_backup.engines.engine import Wanted
from python_backup.engines.finding import Finding, Severity
from python_backup.instance import Instance

_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def room(wanted: Wanted, instance: Instance, data: str | None) -> Finding:
    """Whether the rows fit beside what there is; ``data`` is the server's data folder, where it tells.

    Only over a socket is the server surely on this machine; one in a container is not seen, since
    its folder is not here.
    """
    free = _free(data) if instance.socket and data else None
    needed = max(wanted.size - wanted.freed, 0)
    rows = f"the dump has {shown(wanted.size)} of rows"
    if free is None:
        return Finding(Severity.TELLS, "disk", f"{rows}; how much room the server's disk has is not known")
    if needed > free:
        return Finding(
            Severity.BLOCKS,
            "disk",
            f"{rows}, the server's disk has {shown(free)} free",
            "Make room, drop databases that are kept (NAME__before_…), or give --in-place.",
        )
    return Finding(Severity.TELLS, "disk", f"{rows}; the server's disk has {shown(free)} free")


def shown(size: int) -> str:
    """Bytes as people read them."""
    return next((f"{size / unit:.1f} {name}" for unit, name in _UNITS if size >= unit), f"{size} bytes")


def _free(data: str) -> int | None:
    if not Path(data).is_dir():
        return None
    try:
        found = os.statvfs(data)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
