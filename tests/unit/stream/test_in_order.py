"""Work side by side, results in order."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from python_backup.stream.in_order import InOrder


def test_results_come_in_the_order_in_which_their_work_was_begun() -> None:
    working: InOrder[int] = InOrder(2)
    second = threading.Event()

    def first() -> int:
        assert second.wait(10)
        return 1

    def later() -> int:
        second.set()
        return 2

    assert list(working.begin(first)) == []
    assert list(working.begin(later)) == []
    assert list(working.begin(lambda: 3)) == [1]
    assert list(working.rest()) == [2, 3]


def test_what_the_work_raised_is_raised_where_its_result_would_have_come() -> None:
    working: InOrder[int] = InOrder(3)
    for divisor in (1, 0, 2):
        assert list(working.begin(partial(divmod_of, divisor))) == []
    results = working.rest()
    assert next(results) == 6
    with pytest.raises(ZeroDivisionError):
        next(results)


def threads_of(working: InOrder[int]) -> list[threading.Thread]:
    """Begins with as many as there are workers, and gives the threads that came for it."""
    before = set(threading.enumerate())
    for _ in range(working.workers + 3):
        list(working.begin(lambda: 1))
    return [thread for thread in threading.enumerate() if thread not in before]


def test_no_more_threads_are_started_than_there_are_workers_and_they_end_with_the_rest() -> None:
    working: InOrder[int] = InOrder(2)
    threads = threads_of(working)
    assert len(threads) == 2
    assert list(working.rest()) == [1, 1]
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert list(working.begin(lambda: 2)) == []
    assert list(working.rest()) == [2]


def test_the_threads_end_when_the_rest_is_never_asked_for() -> None:
    working: InOrder[int] = InOrder(2)
    threads = threads_of(working)
    del working
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def divmod_of(divisor: int) -> int:
    return 6 // divisor
