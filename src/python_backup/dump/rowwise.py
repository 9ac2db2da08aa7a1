"""Cuts a table's rows into single ones as they stream by, and rows into their values.

It takes the canonical form of `piece.Rows`, cut anywhere. Values stay as the dump writes them: no quote is
taken off, no escape undone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from python_backup.dump.piece import DataBegin, Statement


@dataclass(frozen=True, slots=True)
class RowForm:
    r"""How the rows of one data statement are written.

    ``columns`` are the names of what each row gives, in its order; empty where the dump does not tell.
    Of INSERTs: whether a backslash escapes in ``'…'`` and in ``"…"``, and whether ``E'…'`` is a string
    (where it always does).
    """

    copy: bool
    columns: tuple[str, ...] = ()
    escapes: bool = True
    escapes_double: bool = False
    prefixed: bool = False

    def values(self, row: bytes) -> list[bytes]:
        """The values of one row that `Rows` gave."""
        if self.copy:
            return row.split(b"\t")
        return [value.strip() for value in _patterns(self).value.findall(row, 1, len(row) - 1)]


class ShapeReader(Protocol):
    """Tells how a dump's tables are made up; one for each engine, and one for each stream."""

    def take(self, statement: Statement) -> None:
        """Learns from one statement, in order."""
        ...

    def form(self, begun: DataBegin) -> RowForm:
        """How the rows that begin here are written."""
        ...

    def key(self, table: str) -> tuple[str, ...]:
        """The columns of a table's primary key, as far as the dump has come; none where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class _Patterns:
    row: re.Pattern[bytes]
    value: re.Pattern[bytes]
    mark: re.Pattern[bytes]
    fitting: re.Pattern[bytes]
    inside: dict[bytes, re.Pattern[bytes]]


def _string(mark: bytes, *, escapes: bool) -> bytes:
    """What may stand in a string, as far as it goes."""
    plain = rb"[^" + mark + rb"\\]*+"
    return plain + rb"(?:\\." + plain + rb")*+" if escapes else rb"[^" + mark + rb"]*+"


@lru_cache(maxsize=32)
def _patterns(form: RowForm) -> _Patterns:
    inside = {
        b"'": _string(b"'", escapes=form.escapes),
        b'"': _string(b'"', escapes=form.escapes_double),
        b"`": _string(b"`", escapes=False),
    }
    strings = [mark + text + mark for mark, text in inside.items()]
    plain = rb"[^'\"`(),]++"
    if form.prefixed:
        inside[b"e'"] = rb"(?:[^'\\]++|\\.|'')*+"
        strings.insert(0, rb"[eE]'" + inside[b"e'"] + b"'")
        plain = rb"(?:[^'\"`(),eE]++|[eE](?!'))++"
    easy = rb"(?:" + b"|".join((plain, *strings)) + rb")++"
    nested = rb"\((?:" + easy + rb"|,|\((?:" + easy + rb"|,)*+\))*+\)"
    value = rb"(?:" + easy + rb"|" + nested + rb")++"
    further = rb"{%d}" % max(0, len(form.columns) - 1)
    return _Patterns(
        re.compile(rb"\((?:" + easy + rb"|,|" + nested + rb")*+\)", re.DOTALL),
        re.compile(value, re.DOTALL),
        re.compile(rb"[eE]?'|[\"`()]" if form.prefixed else rb"['\"`()]"),
        re.compile(rb"(?:\(" + easy + rb"(?:," + easy + rb")" + further + rb"\),?+)*+", re.DOTALL),
        {mark: re.compile(text, re.DOTALL) for mark, text in inside.items()},
    )


@lru_cache(maxsize=32)
def _fitting_lines(columns: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[^\t\n]*+(?:\t[^\t\n]*+){%d}\n)*+" % (columns - 1))


@dataclass(slots=True)
class RowCutter:
    """The rows of one data statement, piece by piece; holds one row that is cut.

    A row of an INSERT comes with its parentheses, one of a COPY without its line end. ``odd``: rows that
    have a value for each column are passed over, several times as fast; one that was cut comes in any case.
    A row of more than ``most`` bytes does not come; ``longer`` counts these.
    """

    form: RowForm
    odd: bool = False
    most: int | None = None
    longer: int = 0
    _patterns: _Patterns = field(init=False)
    _row: list[bytes] = field(default_factory=list)  # what is here of a row that is cut
    _size: int = 0  # of the row that is cut, where it may be too long
    _carry: bytes = b""  # its last byte, where that may change what follows
    _inside: bytes = b""
    _depth: int = 0

    def __post_init__(self) -> None:
        self._patterns = _patterns(self.form)

    def take(self, text: bytes) -> Iterator[bytes]:
        """The rows that are whole with this text."""
        if self.form.copy:
            return self._lines(text)
        return self._tuples(text)

    def rest(self) -> bytes:
        """What is no whole row at the statement's end; nothing, of a dump that is in order."""
        rest = b"".join((*self._row, self._carry))
        self._row, self._size, self._carry, self._inside, self._depth = [], 0, b"", b"", 0
        return rest

    def _hold(self, part: bytes) -> None:
        """Keeps a part of a row that is cut; of one that is too long its beginning."""
        self._size += len(part)
        if self.most is None or self._size <= self.most or not any(self._row):
            self._row.append(part)

    def _whole(self) -> Iterator[bytes]:
        """The row that was cut, unless it is too long."""
        if self.most is not None and self._size > self.most:
            self.longer += 1
        else:
            yield b"".join(self._row)
        self._row, self._size = [], 0

    def _lines(self, text: bytes) -> Iterator[bytes]:
        if self.odd and not any(self._row):
            passed = _fitting_lines(len(self.form.columns)).match(text)
            text = text[passed.end() :] if passed else text
        first, *others = text.split(b"\n")
        self._hold(first)
        if others:
            yield from self._whole()
            self._hold(others.pop())
            yield from others

    def _tuples(self, text: bytes) -> Iterator[bytes]:
        text, self._carry = self._carry + text, b""
        at, match = 0, self._patterns.row.match
        while True:
            if not self._depth:
                at += text.startswith(b",", at)
                if self.odd and (passed := self._patterns.fitting.match(text, at)):
                    at = passed.end()
                while row := match(text, at):
                    yield row.group()
                    at = row.end()
                    at += text.startswith(b",", at)
            if at == len(text):
                return
            end, whole = self._goes_on(text, at)
            self._hold(text[at:end])
            if not whole:
                self._carry = text[end:]
                return
            yield from self._whole()
            at = end

    def _goes_on(self, text: bytes, at: int) -> tuple[int, bool]:
        """Reads on in a row that is cut or of a rare form: up to its end, or as far as can be told."""
        while True:
            if self._inside:
                found = self._patterns.inside[self._inside].match(text, at)
                at = found.end() if found else at
                closed = text.startswith(self._inside[-1:], at)
                if not closed or (self._inside == b"e'" and at + 1 == len(text)):
                    return at, False  # a backslash, or a quote that may be doubled, is carried on
                self._inside = b""
                at += 1
            mark = self._patterns.mark.search(text, at)
            if mark is None:
                return len(text) - (self.form.prefixed and text[-1:] in b"eE"), False
            at = mark.end()
            sign = mark.group().lower()
            if sign == b"(":
                self._depth += 1
            elif sign != b")":
                self._inside = sign
            else:
                self._depth -= 1
                if self._depth <= 0:
                    self._depth = 0
                    return at, True
