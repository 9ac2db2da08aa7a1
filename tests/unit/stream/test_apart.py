"""A part of the pipeline in its own thread."""

import threading
import time

import pytest

from python_backup.stream import apart as module
from python_backup.stream.apart import apart, apart_beside, crowded

BLOCKS = [bytes([n]) for n in range(20)]


class Broken(Exception):
    pass


def source(fails_at: int | None = None, closed: list[str] | None = None):
    try:
        for position, block in enumerate(BLOCKS):
            if position == fails_at:
                raise Broken(str(position))
            yield block
        if fails_at == len(BLOCKS):
            raise Broken(str(fails_at))
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("depth", [1, 2, 4, 50])
def test_all_blocks_come_in_order_and_the_thread_ends(depth):
    with apart(source(), depth) as blocks:
        assert list(blocks) == BLOCKS
        assert list(blocks) == []
    assert "apart" not in threads()


@pytest.mark.parametrize("position", range(len(BLOCKS) + 1))
def test_an_exception_comes_where_its_block_would_have_come(position):
    seen = []
    with pytest.raises(Broken, match=rf"^{position}$"), apart(source(position)) as blocks:
        for block in blocks:
            seen.append(block)  # noqa: PERF402 - the blocks before the exception are wanted
    assert seen == BLOCKS[:position]
    assert "apart" not in threads()


@pytest.mark.parametrize("taken", range(len(BLOCKS) + 1))
def test_leaving_early_ends_the_thread_and_closes_the_source_there(taken):
    closed = []
    with apart(source(closed=closed), 2) as blocks:
        for _ in range(taken):
            next(blocks)
    assert closed == ["apart"]
    assert "apart" not in threads()


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_the_readers_own_exception_wins(taken):
    with pytest.raises(ZeroDivisionError), apart(source(taken + 1)) as blocks:
        for _ in range(taken):
            next(blocks)
        raise ZeroDivisionError
    assert "apart" not in threads()


def test_an_error_that_the_reader_did_not_come_to_is_raised_on_leaving():
    with pytest.raises(Broken, match=r"^2$"), apart(source(2)) as blocks:
        next(blocks)
        time.sleep(0.1)


def test_the_source_runs_at_most_depth_blocks_ahead():
    given = []

    def counting():
        for block in BLOCKS:
            given.append(block)
            yield block

    with apart(counting(), 3) as blocks:
        next(blocks)
        time.sleep(0.1)
        assert len(given) <= 5  # one taken, three in the queue, one in the thread's hand


def test_a_source_that_waits_is_left_behind_and_ends_with_what_it_waits_for(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    released = threading.Event()

    def waiting():
        yield b"1"
        released.wait()
        yield b"2"

    begun = time.monotonic()
    with apart(waiting()) as blocks:
        assert next(blocks) == b"1"
    assert time.monotonic() - begun < 2
    released.set()
    for thread in threading.enumerate():
        if thread.name == "apart":
            thread.join(5)
    assert "apart" not in threads()


@pytest.mark.parametrize(("cores", "others"), [(1, 0), (2, 1), (8, 7), (8, 20)])
def test_beside_a_crowd_the_source_runs_in_the_callers_thread(cores, others, monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    closed: list[str] = []
    with pytest.raises(Broken, match="3"), apart_beside(source(3, closed), others) as blocks:
        assert [next(blocks), next(blocks)] == BLOCKS[:2]
        assert "apart" not in threads()
        list(blocks)
    assert closed == [threading.current_thread().name]


def test_a_source_that_is_left_beside_a_crowd_is_closed(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    closed: list[str] = []
    with apart_beside(source(closed=closed), 0) as blocks:
        next(blocks)
    assert closed == [threading.current_thread().name]


def test_where_a_core_is_left_the_source_has_a_thread_of_its_own(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)
    assert [crowded(others) for others in (0, 2, 3)] == [False, False, True]
    closed: list[str] = []
    with apart_beside(source(closed=closed), 2) as blocks:
        assert list(blocks) == BLOCKS
    assert closed == ["apart"]
