"""The names beside a target, and how long replaced databases are kept."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from python_backup.policy.beside import (
    BEFORE,
    RESTORING,
    Replaced,
    beside,
    is_beside,
    no_longer_kept,
    replaced_of,
)

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)


def on(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def fits_postgresql(name: str) -> bool:
    return len(name.encode("utf-8", "surrogatepass")) <= 63


def test_a_name_beside_says_whose_it_is_what_it_is_for_and_when_it_was_made() -> None:
    assert beside("shop", RESTORING, AT, fits_postgresql) == "shop__restoring_20260113_155440"
    assert beside("shop", BEFORE, AT, fits_postgresql) == "shop__before_20260113_155440"


@given(st.text(min_size=1, max_size=63).filter(fits_postgresql))
def test_every_name_beside_fits_the_engine_and_is_found_again(target: str) -> None:
    name = beside(target, BEFORE, AT, fits_postgresql)

    assert fits_postgresql(name)
    assert is_beside(name)
    assert replaced_of(target, [name, "other", target], fits_postgresql) == (Replaced(name, AT),)


def test_long_targets_that_begin_alike_do_not_share_what_was_replaced() -> None:
    one, other = "x" * 62 + "1", "x" * 62 + "2"
    name = beside(one, BEFORE, AT, fits_postgresql)

    assert replaced_of(other, [name], fits_postgresql) == ()


def test_ordinary_names_are_not_taken_for_names_beside() -> None:
    assert [is_beside(n) for n in ("shop", "shop__before", "__before_x", "shop_before_20260113_155440")] == [
        False
    ] * 4


def test_the_latest_few_that_are_young_enough_are_kept() -> None:
    days = [Replaced(f"d{day}", on(day)) for day in (3, 1, 9, 8)]

    gone = no_longer_kept(days, keep=2, days=7, now=on(10))
    assert [r.database for r in gone] == ["d3", "d1"]
    gone = no_longer_kept(days, keep=9, days=1.5, now=on(10))
    assert [r.database for r in gone] == ["d8", "d3", "d1"]
    assert no_longer_kept(days, keep=4, days=30, now=on(10)) == ()
