"""SIGTERM and SIGHUP end a run as Ctrl-C does: by an exception, so that everything is tidied up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal came; drivers cancel their query for a KeyboardInterrupt, so this is one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_raise() -> Iterator[None]:
    """Makes the first of `ENDING` raise `Ended`; further ones wait for the tidying up.

    A signal that was ignored (nohup) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in ENDING}

    def ended(number: int, _frame: FrameType | None) -> None:
        for other in ENDING:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ended)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
