"""One table's digest over parts that are read side by side.

The digest is over the rows in the order of the parts, as that of a single stream is. Whoever reads the part
whose turn it is goes straight on; others' rows are held until theirs has come, up to a bound, then they wait.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from python_backup.errors import ToolFailed

HELD = 48 << 20
"""Bytes of rows that one part may hold before its turn; a part has about 32 MiB."""

_FURTHER = object()
"""Stands where a part's rows begin that are an INSERT's: a comma, if rows are before it."""


@dataclass(slots=True)
class TableDigest:
    """The digest of a table in so many parts, which are numbered from 0."""

    parts: int
    held: int = HELD
    _digest: Any = field(default_factory=blake3)
    _turn: int = 0
    _begun: bool = False
    _waiting: dict[int, deque[Any]] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)
    _stopped: bool = False
    _news: threading.Condition = field(default_factory=threading.Condition)

    def part(self, number: int) -> PartDigest:
        """What one part's rows are given to."""
        self._waiting[number] = deque()
        return PartDigest(self, number)

    @property
    def hexdigest(self) -> str:
        """The digest, when every part is done."""
        if self._turn != self.parts:
            raise AssertionError("asked for before all parts are done")
        return str(self._digest.hexdigest())

    def take(self, number: int, rows: Any, held: int) -> int:
        """Takes a part's further rows; ``held`` is how many bytes of it wait, and so is what it returns."""
        with self._news:
            if held > self.held:
                self._news.wait_for(lambda: self._turn == number or self._stopped)
            if self._stopped:
                raise ToolFailed("another part of the backup failed")
            if self._turn != number:
                self._waiting[number].append(rows)
                return held + (len(rows) if isinstance(rows, bytes) else 0)
        self._catch_up(number)  # nobody else has the turn
        self._put(rows)
        return 0

    def done(self, number: int) -> None:
        """The part has no more rows; it may be another's turn now."""
        with self._news:
            self._done.add(number)
            while self._turn in self._done:
                self._catch_up(self._turn)
                self._turn += 1
            self._news.notify_all()

    def stop(self) -> None:
        """Nothing comes any more: who waits for a turn is told so."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def _catch_up(self, number: int) -> None:
        waiting = self._waiting[number]
        while waiting:
            self._put(waiting.popleft())

    def _put(self, rows: Any) -> None:
        if rows is not _FURTHER:
            self._digest.update(rows)
        elif self._begun:
            self._digest.update(b",")
        self._begun = True


class PartDigest:
    """The digest of one part's rows, as `dump.facts.FactsCounter` takes one; its table's gets them too."""

    def __init__(self, table: TableDigest, number: int) -> None:
        self._table = table
        self._number = number
        self._own: Any = blake3() if table.parts > 1 else table
        self._held = 0

    def begin(self, *, copy: bool) -> None:
        """The part's rows begin; ``copy``: they are not an INSERT's."""
        if not copy:
            self._held = self._table.take(self._number, _FURTHER, self._held)

    def update(self, rows: bytes, /) -> None:
        """Takes further rows."""
        if self._own is not self._table:
            self._own.update(rows)
        self._held = self._table.take(self._number, rows, self._held)

    def hexdigest(self) -> str:
        """The part's own digest, when it is `done`."""
        return self._table.hexdigest if self._own is self._table else str(self._own.hexdigest())

    def done(self) -> None:
        """The part has no more rows."""
        self._table.done(self._number)
