"""How long a child may run, and how long it may write nothing before someone looks, or gives it up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from python_backup.errors import ToolFailed


@dataclass(frozen=True, slots=True)
class Silence:
    """What is done about a child that writes nothing: neither to stdout nor to stderr, while it is read.

    After ``longest`` seconds it is given up. ``watch`` is called every second of silence with the
    silence's seconds; it may raise.
    """

    longest: float | None = None
    watch: Callable[[float], None] | None = None


class Bounds:
    """How long a child may run, and how long it may be silent."""

    def __init__(self, timeout: float | None, silence: Silence) -> None:
        self._timeout = timeout
        self._silence = silence
        now = time.monotonic()
        self._deadline = math.inf if timeout is None else now + timeout
        self.heard()

    def heard(self) -> None:
        """Begins the silence anew: something came, or nobody listened until now."""
        self._since = time.monotonic()
        self._looks = 0

    def forgive(self, seconds: float) -> None:
        """Adds to the time that the child may run what its reader took for pauses of its own."""
        self._deadline += seconds

    def check(self, name: str) -> None:
        """Raises `ToolFailed` where a bound is reached."""
        now = time.monotonic()
        if now >= self._deadline:
            raise ToolFailed(
                f"{name} gave no end within {round(self._timeout or 0, 1):g} s (timeout)",
                hint="Raise timeout in the config, or find out what the server is waiting for.",
            )
        longest = self._silence.longest
        if longest is not None and now >= self._since + longest:
            raise ToolFailed(
                f"{name} wrote nothing for {longest:g} s (idle_timeout)",
                hint="See whether the server hangs or waits; else raise idle_timeout in the config.",
                transient=True,
            )

    def wait(self, wanted: float | None) -> float | None:
        """The seconds until the next bound or look, at most those wanted; None for ever."""
        longest = math.inf if self._silence.longest is None else self._silence.longest
        look = math.inf if self._silence.watch is None or wanted is not None else self._looks + 1
        until = min(self._deadline, self._since + longest, self._since + look)
        left = max(0.0, min(until - time.monotonic(), math.inf if wanted is None else wanted))
        return None if left == math.inf else left

    @property
    def due(self) -> bool:
        """Whether it is time for a look."""
        return self._silence.watch is not None and time.monotonic() >= self._since + self._looks + 1

    def look(self) -> None:
        """Has the watch look."""
        quiet = time.monotonic() - self._since
        self._looks = int(quiet)
        if self._silence.watch is not None:
            self._silence.watch(quiet)
