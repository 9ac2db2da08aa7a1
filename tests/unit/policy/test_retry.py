"""How often, and after how long, a failed try is made again."""

from __future__ import annotations

import pytest

from python_backup.instance import Retry
from python_backup.policy.retry import wait_before_next

MOST = 1 - 1e-12


@pytest.mark.parametrize(("made", "wait"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60)])
def test_the_waits_grow_up_to_the_longest(made: int, wait: float) -> None:
    retry = Retry(attempts=9, delay=5, backoff=2, max_delay=60)
    assert wait_before_next(retry, made, MOST) == pytest.approx(wait)
    assert wait_before_next(retry, made, 0.0) == pytest.approx(wait / 2)


def test_after_the_last_try_there_is_no_wait() -> None:
    assert [wait_before_next(Retry(attempts=3), made, 0.5) is None for made in (1, 2, 3, 4)] == [
        False, False, True, True,
    ]  # fmt: skip
    assert wait_before_next(Retry(attempts=1), 1, 0.5) is None


def test_without_delay_nothing_is_waited_for() -> None:
    assert wait_before_next(Retry(delay=0), 1, 0.7) == 0
