"""Pauses: told, bounded, and none of anybody's timeouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from python_backup.instance import Retry, Throttle
from python_backup.jobs.pace import TRICKLE, Pace
from python_backup.jobs.tries import Tries, Waits
from support.silence import Silence


@dataclass
class Clock:
    """Time that passes by sleeping alone."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pace(
    clock: Clock, throttle: Throttle, ask: Callable[[], str | None] | None = None
) -> tuple[Pace, Silence, list[float]]:
    progress, held = Silence(), list[float]()
    made = Pace(throttle, progress, ask, held.append, clock.sleep, lambda: clock.now)
    return made, progress, held


def test_without_limits_nothing_waits() -> None:
    clock = Clock()
    made, progress, held = pace(clock, Throttle())
    assert list(made.over([b"a", b"b"])) == [b"a", b"b"]
    assert (clock.slept, progress.notes, held) == ([], [], [])


def test_no_more_bytes_pass_than_the_rate() -> None:
    clock = Clock()
    made, _, held = pace(clock, Throttle(bwlimit=1_000_000))
    list(made.over([bytes(500_000)] * 20))
    assert clock.now - 100 == pytest.approx(10)
    assert sum(held) == pytest.approx(10)


def test_a_pause_is_told_at_both_ends_and_lasts_as_long_as_its_reason() -> None:
    clock = Clock()
    made, progress, held = pace(clock, Throttle(max_lag=5), lambda: "late" if 100 < clock.now < 107 else None)
    made.passed(1)
    clock.now += 1
    made.passed(1)
    made.passed(1)
    assert progress.notes == ["paused: late", "goes on after a pause of 6 s"]
    assert (sum(held), made.paused, made.warnings) == (6, 6, [])


def test_amid_a_long_pause_a_block_passes_now_and_then() -> None:
    clock = Clock()
    made, progress, _ = pace(clock, Throttle(max_lag=5), lambda: "late" if clock.now < 140 else None)
    at = [clock.now for _ in made.over([b"a"] * 5)]
    assert at == [100 + TRICKLE, 100 + 2 * TRICKLE, 140, 140, 140]
    assert progress.notes == ["paused: late", "goes on after a pause of 40 s"]


def test_before_what_cannot_pause_a_pause_is_waited_out_unless_all_is_over() -> None:
    clock = Clock()
    made, progress, _ = pace(clock, Throttle(max_lag=5), lambda: "late" if clock.now < 140 else None)
    made.clear()
    assert clock.now == 140
    assert progress.notes == ["paused: late", "goes on after a pause of 40 s"]
    clock = Clock()
    made, progress, _ = pace(clock, Throttle(max_lag=5), lambda: made.end() if clock.now > 120 else "late")
    made.clear()
    assert clock.now == 121


def test_nobody_waits_any_more_when_the_run_is_ended() -> None:
    clock = Clock()

    def late() -> str:
        if clock.now > 104:
            made.end()
        return "late"

    woken: list[bool] = []
    made, _, _ = pace(clock, Throttle(max_lag=5, bwlimit=1_000_000), late)
    made.wake = lambda: woken.append(True)
    made.passed(1)
    made.passed(50_000_000)
    assert (clock.now, woken) == (pytest.approx(104), [True])


def test_who_counts_time_hears_of_a_wait_before_it_begins() -> None:
    clock, forgiven = Clock(), list[float]()

    def held(seconds: float) -> None:
        forgiven.append(seconds)

    def sleep(seconds: float) -> None:
        assert sum(forgiven) > clock.now - 100 + seconds - 0.001
        clock.sleep(seconds / 2)  # woken

    throttle = Throttle(bwlimit=1_000_000, max_lag=5)
    late = iter(["late", "late", "late", None])
    made = Pace(throttle, Silence(), lambda: next(late), held, sleep, clock=lambda: clock.now)
    made.passed(3_000_000)
    assert sum(forgiven) == pytest.approx(clock.now - 100)


def test_all_pauses_together_are_bounded_and_then_a_warning_says_that_it_went_on() -> None:
    clock = Clock()
    made, progress, _ = pace(clock, Throttle(max_lag=5, max_pause=33), lambda: "late")
    assert len(list(made.over([b"a"] * 100))) == 100
    assert clock.now == 133
    assert progress.notes == ["paused: late", "goes on after a pause of 33 s although late"]
    assert made.warnings == ["it paused for 33 s in all, as max_pause allows, and then went on although late"]


def test_servers_are_asked_once_a_second_at_most() -> None:
    clock, asked = Clock(), list[float]()

    def ask() -> None:
        asked.append(clock.now)

    made, _, _ = pace(clock, Throttle(max_lag=5), ask)
    for _ in range(40):
        clock.now += 0.1
        made.passed(1)
    assert len(asked) in {4, 5}


def test_time_that_a_run_holds_itself_back_is_not_of_its_timeout() -> None:
    clock, told = Clock(), list[float]()
    tries = Tries(Retry(), "a", Silence(), Waits(clock.sleep, clock=lambda: clock.now), within=10)
    clock.now += 8
    tries.forgiving(told.append)(7.0)
    assert (tries.left, told) == (9, [7.0])
