"""A conversation with a child: bytes to its stdin, bytes from its stdout, and why it ended."""

from __future__ import annotations

import os
import select
import time

from python_backup.errors import ToolFailed
from python_backup.stream.capped import KEPT, Capped

_LAST_WORDS = 1.0
"""Seconds that stderr may take to its end when stdout has ended; what the child started may hold it open."""


class Conversation:
    """The non-blocking pipes of a running program, which whoever started it closes.

    It may say nothing for ``silence`` seconds.
    """

    def __init__(self, name: str, to: int, out: int, err: int, *, silence: float) -> None:
        self._name, self._silence = name, silence
        self._to, self._out, self._err = to, out, err
        self._heard = bytearray()
        self._stderr = Capped()
        self._poll = select.poll()
        for pipe in (out, err):
            self._poll.register(pipe, select.POLLIN)

    def send(self, data: bytes) -> None:
        """Writes all of ``data``.

        Raises:
            ToolFailed: the child takes no more; its last line of stderr says why.
        """
        unsent = memoryview(data)
        waiting = select.poll()
        waiting.register(self._to, select.POLLOUT)
        while unsent:
            if not waiting.poll(self._silence * 1000):
                raise self._mute()
            try:
                unsent = unsent[os.write(self._to, unsent) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._ended() from None

    def receive(self, size: int) -> bytes:
        """Just so many bytes of what the child writes.

        Raises:
            ToolFailed: it ended before, as its last line of stderr says, or said nothing for too long.
        """
        deadline = time.monotonic() + self._silence
        while len(self._heard) < size:
            if time.monotonic() >= deadline:
                raise self._mute()
            if self._hear(deadline):
                deadline = time.monotonic() + self._silence
        block = bytes(memoryview(self._heard)[:size])
        del self._heard[:size]
        return block

    def _hear(self, deadline: float) -> bool:
        """Waits for either pipe; whether stdout gave something."""
        for ready, _ in self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            if ready == self._err:
                if not self._overhear():
                    self._poll.unregister(self._err)
                continue
            piece = os.read(self._out, 4 * KEPT)
            if not piece:
                raise self._ended()
            self._heard += piece
            return True
        return False

    def _overhear(self) -> bool:
        """Takes what stderr has; whether it goes on."""
        piece = os.read(self._err, KEPT)
        self._stderr.add(piece)
        return bool(piece)

    def _ended(self) -> ToolFailed:
        deadline = time.monotonic() + _LAST_WORDS
        listening = select.poll()
        listening.register(self._err, select.POLLIN)
        while listening.poll(max(0.0, deadline - time.monotonic()) * 1000) and self._overhear():
            pass
        lines = [line.strip() for line in self._stderr.text().splitlines() if line.strip()]
        return ToolFailed(lines[-1].rstrip(".") if lines else f"{self._name} ended without a word")

    def _mute(self) -> ToolFailed:
        return ToolFailed(f"{self._name} said nothing for {self._silence:g} s", transient=True)
