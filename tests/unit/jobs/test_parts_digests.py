"""A table's digest over parts is that of its rows in order, however the parts come."""

from __future__ import annotations

import threading

import pytest
from blake3 import blake3

from python_backup.errors import ToolFailed
from python_backup.jobs.parts.digests import TableDigest


def test_parts_in_any_order_give_the_digest_of_the_whole() -> None:
    table = TableDigest(3)
    parts = [table.part(number) for number in range(3)]
    for number in (2, 0, 1):
        parts[number].begin(copy=True)
        parts[number].update(b"row %d\n" % number)
    for number in (2, 1, 0):
        parts[number].done()
    assert table.hexdigest == blake3(b"row 0\nrow 1\nrow 2\n").hexdigest()
    assert parts[1].hexdigest() == blake3(b"row 1\n").hexdigest()


def test_a_comma_stands_between_the_inserts_of_parts_that_have_rows() -> None:
    table = TableDigest(3)
    parts = [table.part(number) for number in range(3)]
    for number in (2, 1):
        parts[number].begin(copy=False)
        parts[number].update(b"(%d)" % number)
    for part in parts:
        part.done()
    assert table.hexdigest == blake3(b"(1),(2)").hexdigest()


def test_a_part_that_is_far_ahead_waits_for_its_turn() -> None:
    table = TableDigest(2, held=10)
    first, second = table.part(0), table.part(1)

    def ahead() -> None:
        for _ in range(5):
            second.update(b"second...")
        second.done()

    thread = threading.Thread(target=ahead)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    first.update(b"first")
    first.done()
    thread.join(5)
    assert table.hexdigest == blake3(b"first" + b"second..." * 5).hexdigest()


def test_who_waits_is_told_that_the_backup_failed() -> None:
    table = TableDigest(2, held=1)
    table.part(0)
    second = table.part(1)
    second.update(b"xx")
    timer = threading.Timer(0.1, table.stop)
    timer.start()
    with pytest.raises(ToolFailed):
        second.update(b"xx")
    timer.join()
