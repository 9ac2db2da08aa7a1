"""A stream cut into chunks of one size, which are worked on side by side and given back in their order.

What comes out depends on the stream alone: neither on how it was cut before, nor on how many work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_T = TypeVar("_T")

Work = Callable[[bytes, bytes], _T]
"""What is made of a chunk; the second argument is what stood before it, as much as was asked for."""


@dataclass(slots=True)
class Chunks(Generic[_T]):
    """The chunks of one stream: ``size`` bytes each but the last; at most ``workers`` are worked on at once.

    ``before`` is how many of the bytes before a chunk its work gets.
    """

    work: Work[_T]
    size: int
    workers: int
    before: int = 0
    _held: list[bytes] = field(default_factory=list)
    _held_size: int = 0
    _latest: bytes = b""
    _under_way: deque[tuple[Future[_T], int]] = field(default_factory=deque)

    def feed(self, block: bytes) -> Iterator[tuple[_T, int]]:
        """What was made of the chunks that are ready, and each one's size."""
        rest = memoryview(block)
        while self._held_size + len(rest) >= self.size:
            cut = self.size - self._held_size
            self._hold(bytes(rest[:cut]))
            yield from self._begin()
            rest = rest[cut:]
        if rest:
            self._hold(block if len(rest) == len(block) else bytes(rest))

    def finish(self) -> Iterator[tuple[_T, int]]:
        """What was made of the chunks that are left; the last may be shorter."""
        if self._held:
            yield from self._begin()
        while self._under_way:
            yield self._ready()

    def _hold(self, part: bytes) -> None:
        self._held.append(part)
        self._held_size += len(part)

    def _begin(self) -> Iterator[tuple[_T, int]]:
        """Begins with what is held, when there is a worker for it."""
        while len(self._under_way) >= self.workers:
            yield self._ready()
        chunk, before = b"".join(self._held), self._latest
        self._held, self._held_size = [], 0
        self._latest = chunk[-self.before :] if self.before else b""
        future: Future[_T] = Future()
        threading.Thread(target=_run, args=(future, self.work, chunk, before), daemon=True).start()
        self._under_way.append((future, len(chunk)))

    def _ready(self) -> tuple[_T, int]:
        future, size = self._under_way.popleft()
        return future.result(), size


def _run(future: Future[_T], work: Work[_T], chunk: bytes, before: bytes) -> None:
    """Runs in a thread of its own, for which an end of the program does not wait: one may take seconds."""
    try:
        future.set_result(work(chunk, before))
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        future.set_exception(exc)
