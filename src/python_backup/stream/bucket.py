"""A token bucket: how long bytes must wait so that no more than so many pass in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SAVED = 0.25
"""Seconds of the rate that a slow stretch saves for the next one."""


@dataclass(slots=True)
class Bucket:
    """``rate`` is in bytes a second; ``clock`` gives seconds. What has passed may be owed for."""

    rate: int
    clock: Callable[[], float]
    _left: float = 0.0
    _seen: float = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self.clock()

    def wait(self, size: int) -> float:
        """The seconds that these bytes must wait."""
        now = self.clock()
        self._left = min(self._left + (now - self._seen) * self.rate, SAVED * self.rate) - size
        self._seen = now
        return max(0.0, -self._left / self.rate)
