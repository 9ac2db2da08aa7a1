"""Chunks: of one size, worked on side by side, in their order."""

from __future__ import annotations

import threading
import time

import pytest

from python_backup.stream.chunks import Chunks

DATA = bytes(range(256)) * 10


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def worked(chunks: Chunks, blocks: list[bytes]) -> list:
    return [*(made for block in blocks for made in chunks.feed(block)), *chunks.finish()]


@pytest.mark.parametrize("size", [1, 99, 100, 101, 5000])
@pytest.mark.parametrize("workers", [1, 3])
def test_chunks_and_what_stood_before_them_depend_on_the_stream_alone(size: int, workers: int) -> None:
    found = worked(Chunks(lambda *given: given, 100, workers, before=30), cut(DATA, size))
    assert found == [
        ((DATA[at : at + 100], DATA[max(0, at - 30) : at]), len(DATA[at : at + 100]))
        for at in range(0, len(DATA), 100)
    ]


def test_nothing_of_what_stood_before_is_kept_unless_asked_for() -> None:
    assert [before for (_, before), _ in worked(Chunks(lambda *given: given, 100, 2), [DATA])] == [b""] * 26


def test_an_empty_stream_has_no_chunk() -> None:
    assert worked(Chunks(lambda *given: given, 100, 2), [b"", b""]) == []


def test_they_come_in_order_though_the_first_takes_longest() -> None:
    def slow(chunk: bytes, _before: bytes) -> bytes:
        time.sleep(0.1 if chunk == DATA[:100] else 0)
        return chunk

    assert [chunk for chunk, _ in worked(Chunks(slow, 100, 3), [DATA])] == cut(DATA, 100)


def test_no_more_are_worked_on_at_once_than_asked_for() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def count(_chunk: bytes, _before: bytes) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    worked(Chunks(count, 100, 2), [DATA])
    assert most == 2


def test_an_error_in_the_work_is_raised_where_its_chunk_would_come() -> None:
    def broken(chunk: bytes, _before: bytes) -> int:
        return len(chunk) // (chunk != DATA[100:200])

    made = Chunks(broken, 100, 1).feed(DATA)
    assert next(made) == (100, 100)
    with pytest.raises(ZeroDivisionError):
        next(made)
