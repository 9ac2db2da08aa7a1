"""Forecasts: lines through drills, growth, and objectives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.policy.forecast import (
    BACKUPS,
    DRILLS,
    Drilled,
    Forecast,
    Line,
    Taken,
    fitted,
    forecast,
    grown,
    judged,
)
from python_backup.policy.objectives import Objectives

NOW = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
DAY = timedelta(days=1)

sizes = st.integers(0, 10**14)
moments = st.integers(0, 5000).map(lambda hours: NOW - timedelta(hours=hours))
drills = st.lists(st.builds(Drilled, moments, sizes, st.floats(0, 1e6)), max_size=15)
backups = st.lists(st.builds(Taken, moments, sizes), max_size=40)


def drill(size: int, seconds: float, day: int = 0) -> Drilled:
    return Drilled(NOW + day * DAY, size, seconds)


@given(drills, sizes, sizes)
def test_more_bytes_never_take_less_time_and_none_takes_less_than_nothing(
    found: list[Drilled], one: int, two: int
) -> None:
    line = fitted(found)
    assert (line is None) == (not found)
    if line is not None:
        assert 0 <= line.seconds(min(one, two)) <= line.seconds(max(one, two))


@given(backups, drills)
def test_no_forecast_is_negative_and_each_says_upon_what_it_rests(
    taken: list[Taken], found: list[Drilled]
) -> None:
    foretold = forecast(taken, found)
    assert foretold.drills == min(len(found), DRILLS)
    assert (foretold.seconds is None) == (not taken or not found)
    for value in (foretold.seconds, foretold.slowest, foretold.ahead):
        assert value is None or value >= 0
    if foretold.seconds is not None:
        assert foretold.slowest is not None
        assert foretold.slowest >= foretold.seconds
        assert foretold.drilled == max(one.at for one in found)


@given(backups, drills, st.randoms(use_true_random=False))
def test_the_order_in_which_they_come_means_nothing(taken, found, order) -> None:
    taken = list({one.at: one for one in taken}.values())
    found = list({one.at: one for one in found}.values())
    expected = forecast(taken, found)
    order.shuffle(taken)
    order.shuffle(found)
    assert forecast(taken, found) == expected


@given(st.integers(1, 10**6), st.floats(0, 1e3), st.floats(1e-9, 1e-3), st.integers(2, 8))
def test_drills_on_a_line_give_the_line(step: int, fixed: float, per_byte: float, count: int) -> None:
    line = fitted([drill(step * n, fixed + per_byte * step * n, n) for n in range(1, count + 1)])
    assert line is not None
    assert line.seconds(step * 20) == pytest.approx(fixed + per_byte * step * 20, rel=1e-3, abs=1e-6)


@given(st.integers(0, 10**12), st.integers(-(10**9), 10**9), st.integers(2, 29))
def test_steady_growth_is_told_as_it_is(start: int, step: int, count: int) -> None:
    taken = [Taken(NOW + n * DAY, start + step * n) for n in range(count)]
    assert grown(taken) == pytest.approx(step, rel=1e-6, abs=1e-2)


def test_growth_needs_two_moments() -> None:
    assert grown([]) is None
    assert grown([Taken(NOW, 5)]) is None
    assert grown([Taken(NOW, 5), Taken(NOW, 6)]) is None


def test_one_drill_says_that_twice_the_bytes_take_twice_as_long() -> None:
    line = fitted([drill(100, 3.0)])
    assert line == Line(0.0, 0.03)


@pytest.mark.parametrize(
    "found",
    [
        [drill(100, 5.0), drill(101, 3.0)],  # a free line would fall
        [drill(100, 1.0), drill(101, 3.0)],  # a free line would begin below zero
        [drill(100, 1.0), drill(100, 3.0)],
    ],
)
def test_drills_of_like_sizes_and_unlike_times_give_a_line_through_the_origin(found: list[Drilled]) -> None:
    line = fitted(found)
    assert line is not None
    assert line.fixed == 0.0
    assert line.seconds(200) == pytest.approx(2 * line.seconds(100))


def test_drills_of_nothing_give_what_they_took() -> None:
    assert fitted([drill(0, 1.0), drill(0, 3.0)]) == Line(2.0, 0.0)


def test_the_latest_drills_and_backups_count_alone() -> None:
    old = [drill(100, 1000.0, -n - 1) for n in range(5)]
    new = [drill(100, 1.0, n) for n in range(DRILLS)]
    assert forecast([Taken(NOW, 100)], old + new).seconds == pytest.approx(1.0)
    shrunk = [Taken(NOW - (n + 1) * DAY, 10**9) for n in range(5)]
    steady = [Taken(NOW + n * DAY, 10) for n in range(BACKUPS)]
    assert grown(steady) == forecast(shrunk + steady, []).growth == 0.0


def test_what_is_foretold_for_later_grows_with_the_dump() -> None:
    taken = [Taken(NOW + n * DAY, 1000 + 10 * n) for n in range(10)]
    foretold = forecast(taken, [drill(1000, 100.0), drill(1090, 118.0)])
    assert foretold.growth == pytest.approx(10)
    assert foretold.ahead == pytest.approx((1090 + 300) * 0.109, rel=0.05)
    assert foretold.slowest == pytest.approx(118.0, rel=0.05)


def by_name(foretold: Forecast, objectives: Objectives, now: datetime = NOW) -> dict:
    return {one.name: one for one in judged(foretold, objectives, now)}


def test_without_objectives_nothing_is_judged() -> None:
    assert by_name(forecast([], []), Objectives()) == {}


def test_what_cannot_be_said_is_not_met() -> None:
    found = by_name(forecast([], []), Objectives(DAY, DAY))
    assert [(one.found, one.met) for one in found.values()] == [(None, False)] * 2
    found = by_name(forecast([Taken(NOW, 5)], []), Objectives(DAY, DAY))
    assert [(one.name, one.met) for one in found.values()] == [("rpo", True), ("rto", False)]


@pytest.mark.parametrize(("age", "met"), [(0, True), (24 * 3600, True), (24 * 3600 + 1, False), (-60, True)])
def test_a_backup_may_be_as_old_as_the_objective(age: int, met: bool) -> None:
    found = by_name(forecast([Taken(NOW - timedelta(seconds=age), 5)], []), Objectives(rpo=DAY))
    assert found["rpo"].met is met
    assert found["rpo"].found >= timedelta()


@pytest.mark.parametrize(("seconds", "met"), [(60.0, True), (60.5, False)])
def test_a_restore_may_take_as_long_as_the_objective(seconds: float, met: bool) -> None:
    foretold = forecast([Taken(NOW, 100)], [drill(100, seconds)])
    assert by_name(foretold, Objectives(rto=timedelta(minutes=1)))["rto"].met is met


def test_when_it_will_be_missed_is_told_where_it_grows() -> None:
    taken = [Taken(NOW - 2 * DAY, 80), Taken(NOW - DAY, 90), Taken(NOW, 100)]
    foretold = forecast(taken, [drill(100, 10.0)])
    judgement = by_name(foretold, Objectives(rto=timedelta(seconds=20)))["rto"]
    assert judgement.met
    assert judgement.days_left == pytest.approx(10)
    steady = forecast([Taken(NOW - DAY, 100), Taken(NOW, 100)], [drill(100, 10.0)])
    assert by_name(steady, Objectives(rto=timedelta(seconds=20)))["rto"].days_left is None


def test_a_time_beyond_all_calendars_is_missed() -> None:
    foretold = forecast([Taken(NOW, 10**14)], [drill(1, 1e6)])
    assert not by_name(foretold, Objectives(rto=timedelta(days=10**6)))["rto"].met


@given(backups, drills, st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_wider_objective_is_met_where_a_narrower_one_is(taken, found, one: int, two: int) -> None:
    foretold = forecast(taken, found)
    narrow, wide = (
        by_name(foretold, Objectives(timedelta(seconds=s), timedelta(seconds=s))) for s in sorted((one, two))
    )
    assert all(wide[name].met for name, judgement in narrow.items() if judgement.met)
    left = [j.days_left for j in (*narrow.values(), *wide.values()) if j.days_left is not None]
    assert all(days >= 0 for days in left)
