"""A part of the pipeline in a thread of its own: the parts run side by side, errors cross over."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_T = TypeVar("_T")

PATIENCE = 1.0
"""Seconds that an early end waits for the thread; see `apart`."""


@dataclass(slots=True)
class _End:
    """Put last into the queue: the source's exception, or None when it ended well."""

    error: BaseException | None


@dataclass(slots=True)
class _Handover(Generic[_T]):
    """What both threads hold: a queue whose places are counted by ``free``."""

    free: threading.Semaphore
    items: queue.SimpleQueue[_T | _End] = field(default_factory=queue.SimpleQueue)
    stopped: bool = False


@contextmanager
def apart(source: Iterable[_T], depth: int = 4) -> Iterator[Iterator[_T]]:
    """Runs the source in a thread of its own, at most ``depth`` blocks ahead; gives its blocks.

    The source's exception is raised where its block would have come. Leaving early stops the source
    at its next block and closes it (in its thread); if it failed meanwhile, that is raised on
    leaving, unless the caller already has an exception of its own. A source that waits for a child
    cannot be stopped before the child is ended, so leaving does not wait for it longer than
    `PATIENCE`: end the child (leave `running`) after this, and the thread ends too.
    """
    handover: _Handover[_T] = _Handover(threading.Semaphore(depth))
    told = copy_context()  # what is told there is about the same run and database
    thread = threading.Thread(target=told.run, args=(_run, source, handover), name="apart", daemon=True)
    thread.start()
    try:
        yield _blocks(handover)
    except BaseException:
        _stop(handover, thread)
        raise
    _stop(handover, thread)
    error = _error_left(handover)
    if error is not None:
        raise error


@contextmanager
def apart_beside(source: Iterable[_T], others: int, depth: int = 4) -> Iterator[Iterator[_T]]:
    """As `apart`, beside so many others who do alike; in the caller's thread where they are a crowd."""
    if not crowded(others):
        with apart(source, depth) as blocks:
            yield blocks
        return
    own = iter(source)
    try:
        yield own
    finally:
        _close(own)


def crowded(others: int) -> bool:
    """Whether so many others take every other core: what is handed over then only leaves the cache."""
    return others + 1 >= (os.cpu_count() or 1)


def _close(blocks: Iterator[_T]) -> None:
    close = getattr(blocks, "close", None)
    if close is not None:
        close()


def _stop(handover: _Handover[_T], thread: threading.Thread) -> None:
    handover.stopped = True
    handover.free.release()
    thread.join(PATIENCE)


def _run(source: Iterable[_T], handover: _Handover[_T]) -> None:
    error: BaseException | None = None
    try:
        _pass_on(source, handover)
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        error = exc
    finally:
        handover.items.put(_End(error))


def _pass_on(source: Iterable[_T], handover: _Handover[_T]) -> None:
    blocks = iter(source)
    try:
        for block in blocks:
            handover.free.acquire()  # a place in the queue; the reader gives it back
            if handover.stopped:
                return
            handover.items.put(block)
    finally:
        _close(blocks)


def _blocks(handover: _Handover[_T]) -> Iterator[_T]:
    while True:
        item = handover.items.get()
        if isinstance(item, _End):
            handover.items.put(_End(None))  # asked again, the stream is at its end
            if item.error is not None:
                raise item.error
            return
        handover.free.release()
        yield item


def _error_left(handover: _Handover[_T]) -> BaseException | None:
    """The source's exception, where the reader stopped before it came to it."""
    while True:
        try:
            item = handover.items.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, _End) and item.error is not None:
            return item.error
