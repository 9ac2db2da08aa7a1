"""Rows loaded over several connections, while one goes on with the statements between them.

A dump is read once, in order. Its INSERTs go to lanes, a stretch of some megabytes to each, so that even one
table is filled by all; lanes follow the settings that stand before. A statement that makes or drops a table
waits for no rows, but for those behind: all others wait until every row before them is in.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_backup.engines.mysql.connection import Session

if TYPE_CHECKING:
    from python_backup.engines.mysql.load import Query

_STRETCH = 8 << 20
"""Bytes that go to one lane before another gets the next, and that may wait there."""

_CODE = rb"(?is)(?:/\*M?!\d*\s*)?"
_SETTING = re.compile(_CODE + rb"SET\b")
_AUTOCOMMIT = re.compile(_CODE + rb"SET\s[^;]*\bautocommit\b")
"""What a lane must not follow: its rows would stay locked until a COMMIT that comes behind all others."""
_LOCK = re.compile(_CODE + rb"(?:UN)?LOCK\s+TABLES?\b")
_TABLE = re.compile(_CODE + rb"(?:(?:CREATE|DROP)\s+TABLE\b|ALTER\s+TABLE\s.*\sDISABLE\s+KEYS\b)")
_LATER = re.compile(_CODE + rb"ALTER\s+TABLE\s.*\sENABLE\s+KEYS\b")

Sender = Callable[[Session, "Iterable[Query]"], None]


@dataclass(slots=True)
class Lane:
    """One connection with a thread that sends what it is given, in order."""

    session: Session
    send: Sender
    settings: list[Query] = field(default_factory=list)
    _waiting: deque[Query] = field(default_factory=deque)
    _size: int = 0
    _closed: bool = False
    _failed: BaseException | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        run = copy_context().run
        self._thread = threading.Thread(target=run, args=(self._work,), name="load", daemon=True)

    def start(self) -> None:
        """Lets the thread run; `close` ends it."""
        self._thread.start()

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._size

    def put(self, query: Query) -> None:
        """Hands over one statement, behind the settings before it; waits while there is too much."""
        settings, self.settings = self.settings, []
        with self._news:
            self._news.wait_for(lambda: self._size < _STRETCH or self._failed is not None)
            self._look()
            self._waiting += (*settings, query)
            self._size += sum(len(one.text) + 1 for one in (*settings, query))
            self._news.notify_all()

    def drain(self) -> None:
        """Waits until all is sent; raises what failed."""
        with self._news:
            self._news.wait_for(lambda: not self._size or self._failed is not None)
            self._look()

    def close(self) -> None:
        """Nothing comes any more; what is under way is broken off."""
        with self._news:
            self._closed = True
            busy = bool(self._size)
            self._news.notify_all()
        if busy:
            self.session.break_off()
        if self._thread.is_alive():  # a signal may have come amid its start
            self._thread.join()
        self.session.close()

    def _look(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        try:
            self.send(self.session, self._given())
        except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
            with self._news:
                self._failed = exc
                self._news.notify_all()

    def _given(self) -> Iterator[Query]:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                query = self._waiting.popleft()
            yield query
            with self._news:
                self._size -= len(query.text) + 1
                self._news.notify_all()


@contextmanager
def lanes(opened: Sequence[Session], send: Sender) -> Iterator[tuple[Lane, ...]]:
    """Lanes on these connections, which are closed at the end."""
    made = tuple(Lane(session, send) for session in opened)
    try:
        for lane in made:
            lane.start()
        yield made
    finally:
        for lane in made:
            lane.close()


def spread(session: Session, ready: Iterable[Query], made: Sequence[Lane], send: Sender) -> None:
    """Sends all: rows over the lanes, the rest over the session.

    Raises:
        StatementFailed: with the statement's line and start, and the server's code; no rows.
        ConnectionFailed: a connection was lost.
    """
    lane, size, table, more = made[0], 0, "", False
    later: list[Query] = []
    for query in ready:
        if query.table:
            if not more and (size >= _STRETCH or query.table != table):
                lane, size, table = min(made, key=lambda one: one.size), 0, query.table
            lane.put(query)
            size += len(query.text)
            more = query.more
        elif _SETTING.match(query.text):
            for one in made:
                if not _AUTOCOMMIT.match(query.text):
                    one.settings.append(query)
            send(session, [query])
        elif _LATER.match(query.text):
            later.append(query)
        elif not _LOCK.match(query.text):
            if not _TABLE.match(query.text):
                _settle(session, made, later, send)
            send(session, [query])
    _settle(session, made, later, send)


def _settle(session: Session, made: Sequence[Lane], later: list[Query], send: Sender) -> None:
    for lane in made:
        lane.drain()
    send(session, later)
    later.clear()
