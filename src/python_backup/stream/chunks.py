"""A stream cut into chunks of one size, which are worked on side by side and given back in their order.

What comes out depends on the stream alone: neither on how it was cut before, nor on how many work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from python_backup.stream.in_order import InOrder

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
    _working: InOrder[tuple[_T, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._working = InOrder(self.workers)

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
        yield from self._working.rest()

    def _hold(self, part: bytes) -> None:
        self._held.append(part)
        self._held_size += len(part)

    def _begin(self) -> Iterator[tuple[_T, int]]:
        """Begins with what is held, when there is a worker for it."""
        chunk, before = b"".join(self._held), self._latest
        self._held, self._held_size = [], 0
        self._latest = chunk[-self.before :] if self.before else b""
        yield from self._working.begin(partial(self._worked, chunk, before))

    def _worked(self, chunk: bytes, before: bytes) -> tuple[_T, int]:
        return self.work(chunk, before), len(chunk)
