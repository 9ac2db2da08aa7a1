"""Work done side by side in threads, whose results come in the order in which it was begun."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(slots=True)
class InOrder(Generic[_T]):
    """At most ``workers`` pieces of work are under way, or done and not yet taken."""

    workers: int
    _under_way: deque[Future[_T]] = field(default_factory=deque)

    def begin(self, work: Callable[[], _T]) -> Iterator[_T]:
        """Begins with it when there is a worker for it; gives the results that were waited for until then.

        What the work raised is raised where its result would have come.
        """
        while len(self._under_way) >= self.workers:
            yield self._under_way.popleft().result()
        future: Future[_T] = Future()
        threading.Thread(target=_run, args=(future, work), daemon=True).start()
        self._under_way.append(future)

    def rest(self) -> Iterator[_T]:
        """The results that are left."""
        while self._under_way:
            yield self._under_way.popleft().result()


def _run(future: Future[_T], work: Callable[[], _T]) -> None:
    """Runs in a thread of its own, for which an end of the program does not wait: one may take seconds."""
    try:
        future.set_result(work())
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        future.set_exception(exc)
