"""Knows the ``BEGIN ATOMIC … END`` bodies of SQL functions (PostgreSQL 14), which hold semicolons."""

from __future__ import annotations

import re
from dataclasses import dataclass

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.tokens import tokens

_ATOMIC = re.compile(rb"(?i)atomic").search


@dataclass(slots=True)
class AtomicBody:
    """Follows one statement from ``;`` to ``;``.

    ``BEGIN`` must stand right before ``ATOMIC``, as the server's grammar wants it; psql looks for
    BEGIN alone and so can be led to take two statements for one.
    """

    standard: bool
    _read: int = 0
    _depth: int = 0
    _routine: bool | None = None
    _last: str = ""

    def open_at(self, text: bytes, start: int, end: int) -> bool:
        """Whether the ``;`` before ``end``, in the statement that begins at ``start``, is in such a body."""
        if not self._depth and not _ATOMIC(text, start + self._read, end):
            self._read = end - start
            return False
        if self._routine is None:
            self._routine = _creates_routine(Cursor(text[start:end], self.standard))
        if self._routine:
            self._follow(text[start + self._read : end])
        self._read = end - start
        return self._depth > 0

    def _follow(self, text: bytes) -> None:
        for token in tokens(text, standard=self.standard):
            word = token.word
            if self._last in {".", "as"}:
                word = ""  # a column or a label
            elif not self._depth:
                self._depth = int(word == "atomic" and self._last == "begin")
            elif word == "case":
                self._depth += 1
            elif word == "end":
                self._depth -= 1
            self._last = word or token.text.decode("latin-1")


def _creates_routine(at: Cursor) -> bool:
    if not at.accept("create"):
        return False
    at.accept("or", "replace")
    return at.sees("function|procedure")
