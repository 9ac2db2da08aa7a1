"""Trying again: faults that pass are waited out, others end at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from python_backup.errors import BackupError
from python_backup.instance import Retry
from python_backup.jobs.progress import Progress
from python_backup.policy.retry import wait_before_next

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Waits:
    """How a run waits, and draws by how much; ``draw`` gives a number from 0 to below 1."""

    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Tries:
    """The tries at one thing; ``made`` counts them.

    ``within`` are the seconds that all may take, but for pauses that were ``forgiven``.
    """

    retry: Retry
    what: str
    progress: Progress
    waits: Waits = field(default_factory=Waits)
    within: float | None = None
    made: int = 0
    forgiven: float = 0.0
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.waits.clock()

    @property
    def left(self) -> float | None:
        """The seconds that are left for the try under way; None without a bound."""
        if self.within is None:
            return None
        return max(self.within + self.forgiven - (self.waits.clock() - self._begun), 0.001)

    def forgiving(self, further: Callable[[float], None]) -> Callable[[float], None]:
        """Takes the seconds of a pause, which are not of those that all may take; tells ``further`` too."""

        def forgive(seconds: float) -> None:
            self.forgiven += seconds
            further(seconds)

        return forgive

    @property
    def last(self) -> bool:
        """Whether no other try follows the one under way, whatever fails it."""
        return wait_before_next(self.retry, self.made, 0.0) is None

    def run(self, attempt: Callable[[], Result]) -> Result:
        """The first result; each try is made from the start.

        Raises:
            BackupError: the last try's, or the first that does not pass by waiting.
        """
        while True:
            self.made += 1
            try:
                return attempt()
            except BackupError as exc:
                wait = wait_before_next(self.retry, self.made, self.waits.draw())
                if not exc.transient or wait is None or (self.left or wait + 1) <= wait:
                    raise
                self.progress.note(
                    f"{self.what}: try {self.made} of {self.retry.attempts} failed: {exc.message};"
                    f" the next in {wait:.1f} s"
                )
            self.waits.sleep(wait)
