"""Reads a whole file by ranges, several at once, and gives them in order, in flat memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from functools import partial
from typing import TypeVar

RANGE = 4 << 20
"""Bytes that are asked for at once."""

AHEAD = 4
"""Ranges that are under way while one is used."""

_T = TypeVar("_T")

_LINGER = 2.0
"""Seconds that ranges under way have to come in when no one wants them any more."""


def read_ahead(read: Callable[[int, int], bytes], size: int) -> Generator[bytes, None, None]:
    """The bytes of a file of ``size`` in blocks; threads call ``read``, for those from an offset.

    Raises:
        Exception: what ``read`` raised, when its turn comes.
    """
    begins = iter(range(0, size, RANGE))
    under_way: deque[Future[bytes]] = deque()
    try:
        while True:
            while len(under_way) < AHEAD and (begin := next(begins, None)) is not None:
                under_way.append(begun(partial(read, begin, min(RANGE, size - begin))))
            if not under_way:
                return
            yield under_way.popleft().result()
    finally:
        wait(under_way, timeout=_LINGER)


def begun(call: Callable[[], _T]) -> Future[_T]:
    """A call in a thread of its own: signals reach whoever waits for it, as they reach no driver in Rust."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as exc:  # noqa: BLE001 - whoever waits for it raises it
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future
