"""The room that a backup folder's file system has: asked before a backup, and watched while it is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from python_backup.errors import StorageFailed
from python_backup.storage.earlier import Wanted, earlier

MARGIN = 1.1
"""How much larger than the last one a backup may be expected to be."""

RESERVE = 64 << 20
"""Bytes left to others on the same file system, or a hundredth of it, whichever is less."""

HINT = "Free space there, or set backup.directory to another file system."
_LOOKED_AT = 20
_LOOK_AGAIN = 64 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """What was asked before a backup; ``expected`` is its bytes, about, where that is known."""

    folder: Path
    expected: int | None = None

    def watched(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks, as long as there is room for them and the reserve.

        Raises:
            StorageFailed: there is none; with how many bytes are short.
        """
        written, good_for = 0, 0
        for block in blocks:
            if good_for < len(block):
                good_for = self._good_for(len(block), written)
            yield block
            written += len(block)
            good_for -= len(block)

    def _good_for(self, wanted: int, written: int) -> int:
        """How many bytes may be written before one looks again: others fill the disk too."""
        free, reserve = free_in(self.folder)
        if free is None:
            return _LOOK_AGAIN
        if free < wanted + reserve:
            more = max((self.expected or 0) - written, wanted)
            about, least = ("about", "") if more > wanted else ("at least", "at least ")
            raise StorageFailed(
                f"{self.folder} cannot be written: No space left on device: {free:,} bytes are free,"
                f" {reserve:,} are for others, {about} {more:,} more to write:"
                f" {least}{more + reserve - free:,} short",
                hint=HINT,
            )
        return min(_LOOK_AGAIN, (free - reserve) // 2)


def free_in(folder: Path) -> tuple[int | None, int]:
    """The bytes that this account may write there, None where that cannot be known, and the reserve."""
    try:
        found = os.statvfs(folder)
    except OSError:  # gone: the writing itself tells it better
        return None, 0
    if not found.f_blocks:  # some network file systems
        return None, 0
    return found.f_bavail * found.f_frsize, min(RESERVE, found.f_blocks * found.f_frsize // 100)


def last_size(folder: Path, wanted: Wanted) -> int | None:
    """The bytes of the latest backup of the same thing in the same format, None where there is none."""
    return next((manifest.artifact.size for manifest in earlier(folder, wanted, _LOOKED_AT)), None)
