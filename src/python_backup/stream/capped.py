"""The beginning and the end of a text that may have no end."""

from __future__ import annotations

KEPT = 64 << 10
"""Bytes kept from the start, and as many from the end."""


class Capped:
    """The first and the last bytes of a text that may have no end."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, piece: bytes) -> None:
        """Takes what comes next."""
        room = KEPT - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:]
        excess = len(self._tail) - KEPT
        if excess > 0:
            del self._tail[:excess]
            self._dropped += excess

    def text(self) -> str:
        """What was kept, with what is left out between; undecodable bytes are replaced."""
        between = b"\n[%d bytes left out]\n" % self._dropped if self._dropped else b""
        return bytes(self._head + between + self._tail).decode("utf-8", "replace")
