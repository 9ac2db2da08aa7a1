"""Work done side by side in threads, whose results come in the order in which it was begun."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")

_Begun = tuple[Future[_T], Callable[[], _T]]


@dataclass(slots=True)
class InOrder(Generic[_T]):
    """At most ``workers`` pieces of work are under way, or done and not yet taken.

    The threads stay until the rest was asked for, or nobody has this any more: a thread for each piece would
    wait at its start for the interpreter's lock, as long as one that reads a dump keeps it.
    """

    workers: int
    _under_way: deque[Future[_T]] = field(default_factory=deque)
    _begun: SimpleQueue[_Begun[_T] | None] = field(default_factory=SimpleQueue)
    _threads: int = 0

    def begin(self, work: Callable[[], _T]) -> Iterator[_T]:
        """Begins with it when there is a worker for it; gives the results that were waited for until then.

        What the work raised is raised where its result would have come.
        """
        while len(self._under_way) >= self.workers:
            yield self._under_way.popleft().result()
        if self._threads < self.workers:
            threading.Thread(target=_work, args=(self._begun,), name="in order", daemon=True).start()
            self._threads += 1
        future: Future[_T] = Future()
        self._begun.put((future, work))
        self._under_way.append(future)

    def rest(self) -> Iterator[_T]:
        """The results that are left; then the threads end."""
        while self._under_way:
            yield self._under_way.popleft().result()
        self._let_go()

    def _let_go(self) -> None:
        for _ in range(self._threads):
            self._begun.put(None)
        self._threads = 0

    def __del__(self) -> None:
        self._let_go()


def _work(begun: SimpleQueue[_Begun[_T] | None]) -> None:
    """One thread's work; an end of the program does not wait for it: one piece may take seconds.

    It keeps nothing of a piece while it waits for the next: it may hold the one who waits.
    """
    while (piece := begun.get()) is not None:
        _do(*piece)
        del piece


def _do(future: Future[_T], work: Callable[[], _T]) -> None:
    try:
        future.set_result(work())
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        future.set_exception(exc)
