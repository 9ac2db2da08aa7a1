"""What passes is tried again, each try is told of, and the time for all is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from python_backup.errors import BackupError, ConnectionFailed, NotPermitted
from python_backup.instance import Retry
from python_backup.jobs.tries import Tries, Waits
from support.silence import Silence

LOST = ConnectionFailed("gone", transient=True)


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    at: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    @property
    def waits(self) -> Waits:
        return Waits(self.sleep, lambda: 0.5, lambda: self.at)


def tries(clock: Clock, *, within: float | None = None, progress: Silence | None = None) -> Tries:
    retry = Retry(attempts=3, delay=4, backoff=2, max_delay=60)
    return Tries(retry, "1 (web), shop", progress or Silence(), clock.waits, within)


def failing(times: int, error: BackupError, made: list[int]) -> str:
    made.append(1)
    if len(made) <= times:
        raise error
    return "done"


def test_what_passes_is_tried_until_it_goes_well_and_told() -> None:
    clock, progress, made = Clock(), Silence(), []
    of = tries(clock, progress=progress)
    assert of.run(lambda: failing(2, LOST, made)) == "done"
    assert (of.made, clock.slept) == (3, [3.0, 6.0])
    assert progress.notes == [
        "1 (web), shop: try 1 of 3 failed: gone; the next in 3.0 s",
        "1 (web), shop: try 2 of 3 failed: gone; the next in 6.0 s",
    ]


def test_the_last_tries_error_is_raised() -> None:
    clock, made = Clock(), []
    of = tries(clock)
    with pytest.raises(ConnectionFailed, match="gone"):
        of.run(lambda: failing(9, LOST, made))
    assert (of.made, len(made), of.last) == (3, 3, True)


def test_what_does_not_pass_fails_at_once() -> None:
    clock, made = Clock(), []
    of = tries(clock)
    with pytest.raises(NotPermitted):
        of.run(lambda: failing(9, NotPermitted("wrong password"), made))
    assert (of.made, clock.slept, of.last) == (1, [], False)


def test_no_try_is_waited_for_that_would_begin_after_the_time() -> None:
    clock, made = Clock(), []
    of = tries(clock, within=5)
    with pytest.raises(ConnectionFailed):
        of.run(lambda: failing(9, LOST, made))
    assert (clock.slept, of.left) == ([3.0], 2.0)
