"""No more bytes a second than the rate, however they come."""

from __future__ import annotations

import pytest

from python_backup.stream.bucket import SAVED, Bucket


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_bytes_that_come_at_once_take_their_time_at_the_rate(size: int) -> None:
    now = 0.0
    bucket = Bucket(1 << 20, lambda: now)
    for _ in range(50):
        now += bucket.wait(size)
    assert now == pytest.approx(50 * size / (1 << 20))


def test_a_source_that_is_slower_is_not_held_up() -> None:
    now = 0.0
    bucket = Bucket(1000, lambda: now)
    for _ in range(20):
        now += 1.5
        assert bucket.wait(1000) <= 1 - SAVED
    now += 10
    assert bucket.wait(int(1000 * SAVED)) == 0


def test_a_long_rest_is_not_made_up_for() -> None:
    now = 0.0
    bucket = Bucket(1000, lambda: now)
    now = 3600.0
    assert bucket.wait(10_000) == pytest.approx(10 - SAVED)
