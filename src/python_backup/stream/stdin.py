"""What a child reads: sent as far as it takes it, whenever its other pipes are served."""

from __future__ import annotations

import os
import select
from typing import IO


class Stdin:
    """A child's stdin, which is closed when all is sent that was given; one that ``stays`` is given more.

    ``pipe`` is non-blocking, None where there is nothing to send; ``poll`` is told while there is.
    """

    def __init__(self, pipe: IO[bytes] | None, given: bytes, poll: select.poll, *, stays: bool) -> None:
        self._pipe, self._poll, self._stays = pipe, poll, stays
        self._unsent = memoryview(b"")
        self.descriptor = -1 if pipe is None else pipe.fileno()
        if given:
            self.give(given)

    def give(self, data: bytes) -> None:
        """Adds to what is sent."""
        self._unsent = memoryview(bytes(self._unsent) + data)
        self._poll.register(self.descriptor, select.POLLOUT)

    def send(self) -> None:
        """Sends what the child takes now."""
        try:
            self._unsent = self._unsent[os.write(self.descriptor, self._unsent) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the child wants no more; its exit status says whether that was well
            self._unsent = self._unsent[:0]
        if not self._unsent and self._pipe is not None:
            self._poll.unregister(self.descriptor)
            if not self._stays:
                self._pipe.close()
                self.descriptor = -1
