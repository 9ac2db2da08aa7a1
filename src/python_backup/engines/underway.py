"""The dump tools that run for one backup in parts: whoever stops it ends them, however silent they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_backup.engines.engine import DumpStream
from python_backup.errors import ToolFailed


@dataclass(slots=True)
class Underway:
    """Each is read in a thread of its own; once stopped, none goes on and none is begun."""

    _ends: set[Callable[[], None]] = field(default_factory=set)
    _stopped: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raises `ToolFailed` when all was stopped."""
        if self._stopped:
            raise ToolFailed("the backup was ended before it was done")

    @contextmanager
    def reading(self, stream: DumpStream) -> Iterator[None]:
        """While the block runs, `stop` ends the stream's tool; raises `ToolFailed` when it did before."""
        with self._turn:
            self.check()
            self._ends.add(stream.end)
        try:
            yield
        finally:
            with self._turn:
                self._ends.remove(stream.end)

    def stop(self) -> None:
        """Ends all of them and waits for it; may be called in any thread."""
        with self._turn:
            self._stopped = True
            ends = tuple(self._ends)
        for end in ends:
            end()
