"""A signal ends a run by an exception, so that everything is tidied up; a second one does not disturb that.

Tidying up takes few seconds: children that do not end are killed.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal came; drivers cancel their query for a KeyboardInterrupt, so this is one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_raise() -> Iterator[None]:
    """Makes the first of `ENDING` raise `Ended`; from then on they are ignored, to the end of the process.

    A signal that was ignored (nohup) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    came: list[int] = []

    def ended(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        for other in ENDING:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ended)
    try:
        yield
    finally:
        if not came:
            for number, handler in before.items():
                signal.signal(number, handler)
