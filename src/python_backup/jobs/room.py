"""Whether a backup will have room: judged by the last one, and by the server's own size of the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.storage.earlier import Wanted
from python_backup.storage.folder import make_folder
from python_backup.storage.room import HINT, MARGIN, Room, free_in, last_size


def room_for(folder: Path, wanted: Wanted, size: Callable[[], int]) -> tuple[Room, tuple[str, ...]]:
    """The room to watch while the backup is written, and warnings; ``size`` asks the server.

    Less room than the last backup took is refused, unless the database itself has become smaller than
    what is free. Little more than that, or without a last backup less than the database has: a warning.

    Raises:
        StorageFailed: there is too little room, or the folder cannot be made; nothing was begun.
    """
    make_folder(folder)
    free, reserve = free_in(folder)
    last = last_size(folder, wanted)
    room = Room(folder, last)
    if free is None or (last is not None and free >= last * MARGIN + reserve):
        return room, ()
    now, left = size(), max(0, free - reserve)
    if last is not None and left < min(last, now):
        raise StorageFailed(
            f"{folder} has no room for {wanted.database!r}: {free:,} bytes are free,"
            f" {reserve:,} are for others, its last backup took {last:,}: {last - left:,} short",
            hint=HINT,
        )
    expected = now if last is None else last
    if left >= expected:
        return room, ()
    told = f"the database has {now:,} bytes" if last is None else f"its last backup took {last:,} bytes"
    return room, (f"{folder} may have too little room: {free:,} bytes are free, {told}",)
