"""Tasks done side by side, each in one of so many threads; the first failure ends all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field
from time import monotonic

Task = Callable[[int], None]
"""Gets the number of its lane, from 0."""

Within = Callable[[], float | None]
"""Raises when the time is over; else says after how many seconds to ask again, None for never."""

PATIENCE = 10.0
"""Seconds that lanes, all together, are waited for when they were told to stop."""


@dataclass(slots=True)
class _Board:
    """What all threads see, under ``news``."""

    tasks: deque[Task]
    busy: int
    failed: BaseException | None = None
    news: threading.Condition = field(default_factory=threading.Condition)

    def next(self) -> Task | None:
        with self.news:
            return self.tasks.popleft() if self.tasks and self.failed is None else None

    def ended(self, failed: BaseException | None) -> None:
        """One lane has no more to do, or failed: then nothing is begun any more."""
        with self.news:
            self.busy -= 1
            if failed is not None:
                self.failed = self.failed or failed
                self.tasks.clear()
            self.news.notify_all()


def side_by_side(
    tasks: Iterable[Task], lanes: int, stop: Callable[[], None], within: Within = lambda: None
) -> None:
    """Does all tasks, begun in their order; returns when all are done.

    ``stop`` makes those under way raise soon. It is called when one failed, which is then raised here, when
    the caller is interrupted, and when ``within`` raises.
    """
    board = _Board(deque(tasks), lanes)
    threads = [
        threading.Thread(
            target=copy_context().run, args=(_work, board, lane), name=f"lane {lane}", daemon=True
        )
        for lane in range(lanes)
    ]
    try:
        for thread in threads:
            thread.start()
        with board.news:
            while board.busy and board.failed is None:
                board.news.wait(within())
    except BaseException:
        board.ended(InterruptedError())
        _stopped(threads, stop)
        raise
    if board.failed is not None:
        _stopped(threads, stop)
        raise board.failed


def _stopped(threads: list[threading.Thread], stop: Callable[[], None]) -> None:
    stop()
    end = monotonic() + PATIENCE
    for thread in threads:
        if thread.is_alive():  # a signal may have come amid its start
            thread.join(max(0, end - monotonic()))


def _work(board: _Board, lane: int) -> None:
    failed: BaseException | None = None
    try:
        while (task := board.next()) is not None:
            task(lane)
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        failed = exc
    board.ended(failed)
