"""A signal ends a run by an exception, so that everything is tidied up; whoever asks again, leaves at once.

The first of `ENDING` raises `Ended` in the main thread, as soon as that runs Python. A thread beside it
sees each signal at once (`signal.set_wakeup_fd`): it ends the process on a second Ctrl-C, where the main
thread is stuck in the system (a resolver that does not answer), and where tidying up takes too long.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

BOUNCE = 0.5
"""Seconds in which a second SIGINT is the first one's echo: a wrapper passes on what both were sent."""

STUCK = 4.0
"""Seconds that the main thread has to notice the signal."""

LIMIT = 9.0
"""Seconds for tidying up; a server that does not answer is left to what the next restore finds there."""

_ONCE_MORE = 0.02
"""Seconds after which a signal that was dropped is sent again."""

_AGAIN = b"left at once; what was begun on a server is told by the next restore there\n"
_LATE = b"tidying up took too long; what was begun on a server is told by the next restore there\n"


class Ended(KeyboardInterrupt):
    """A signal came; drivers cancel their query for a KeyboardInterrupt, so this is one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a process ends at once: ``sweep`` takes away what it was making; ``mends``: may last longer."""

    sweep: Callable[[], None]
    mends: Callable[[], bool] = bool
    leave: Callable[[int], object] = os._exit


@dataclass(slots=True)
class _Watch:
    """What the thread knows; ``noticed`` is set by the main thread's handler; ``over``: the work is done."""

    leaving: Leaving
    reader: int
    noticed: list[int]
    over: bool = False

    def run(self) -> None:
        """Reads the numbers of signals until the other end is closed."""
        number, first = 0, 0.0
        while True:
            wait = None if not number else max(0.0, first + self._patience() - time.monotonic())
            if not select.select([self.reader], [], [], wait)[0]:
                if not self._may_last():
                    self._leave(number, _LATE)
                first = time.monotonic()  # a database is being put back: looked at again later
                continue
            came = os.read(self.reader, 1)
            if not came:
                return
            now = time.monotonic()
            if not number and came[0] in ENDING:
                number, first = came[0], now
            elif came[0] == signal.SIGINT and now - first > BOUNCE:
                self._leave(number, _AGAIN)

    def _patience(self) -> float:
        return LIMIT if self.noticed else STUCK

    def _may_last(self) -> bool:
        return bool(self.noticed) and self.leaving.mends()

    def _leave(self, number: int, why: bytes) -> None:
        try:
            self.leaving.sweep()
            os.write(2, b"error: interrupted by %s; " % signal.Signals(number).name.encode() + why)
        finally:
            self.leaving.leave(128 + number)


@contextmanager
def signals_raise(leaving: Leaving, noticed: list[int]) -> Iterator[None]:
    """Makes the first of `ENDING` raise `Ended`; what comes after it is the watching thread's.

    ``noticed`` is empty, and holds the signal once it has come. One that was ignored (nohup) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    watch = _Watch(leaving, reader, noticed)

    def ended(number: int, _frame: FrameType | None) -> None:
        if not watch.noticed and not watch.over:
            watch.noticed.append(number)
            raise Ended(number)

    def again(number: int) -> None:
        if not watch.over:
            signal.raise_signal(number)

    def lost(found: sys.UnraisableHookArgs) -> None:
        """Python drops what is raised in a ``__del__``: then the signal comes once more, after it."""
        if not isinstance(found.exc_value, Ended):
            hook(found)
            return
        watch.noticed.clear()
        timer = threading.Timer(_ONCE_MORE, again, (found.exc_value.number,))
        timer.daemon = True
        timer.start()

    hook, sys.unraisablehook = sys.unraisablehook, lost
    thread = threading.Thread(target=watch.run, name="signals", daemon=True)
    thread.start()
    old = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ended)
    try:
        yield
    finally:
        watch.over = True
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if watch.noticed else handler)
        signal.set_wakeup_fd(old)
        os.close(writer)
        thread.join()
        os.close(reader)
