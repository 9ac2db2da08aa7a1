"""Meters: stages that pass every block on as it is, and know something about the stream afterwards."""

from __future__ import annotations

import hashlib


class ByteMeter:
    """Counts bytes; ``size`` may be read at any time, for a progress bar."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0

    def feed(self, block: bytes) -> tuple[bytes]:
        """The block itself."""
        self.size += len(block)
        return (block,)

    def finish(self) -> tuple[()]:
        """Nothing."""
        return ()


class Sha256Meter:
    """Counts bytes and takes their SHA-256 (2 GB/s a thread with SHA extensions; lets other threads run)."""

    __slots__ = ("_sum", "size")

    def __init__(self) -> None:
        self.size = 0
        self._sum = hashlib.sha256()

    def feed(self, block: bytes) -> tuple[bytes]:
        """The block itself."""
        self.size += len(block)
        self._sum.update(block)
        return (block,)

    def finish(self) -> tuple[()]:
        """Nothing."""
        return ()

    @property
    def hexdigest(self) -> str:
        """The SHA-256 of all bytes so far, in hex."""
        return self._sum.hexdigest()
