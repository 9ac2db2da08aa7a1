"""Reads the rows of ``INSERT INTO t VALUES (…), (…);`` as they stream by, and counts them exactly.

Rows that are written as pg_dump writes them are taken in big steps; what is rarer (strings with
backslashes, deep parentheses, rows larger than a block) goes through the `Scanner`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_backup.dump.postgresql.scan import Scanner
from python_backup.dump.postgresql.tokens import GAP, SPACE, WORD

_IDENTIFIER = rb'(?:(?:[uU]&)?"[^"]*+"(?:"[^"]*+")*+|' + WORD + rb")"
_NAME = _IDENTIFIER + rb"(?:" + GAP + rb"*+\." + GAP + rb"*+" + _IDENTIFIER + rb"){0,2}"
_INTO = (
    rb"(?i:insert)" + GAP + rb"++(?i:into)(?![A-Za-z0-9_$\x80-\xff])" + GAP + rb"*+(?P<table>" + _NAME + rb")"
)
_COLUMNS = rb"(?:" + GAP + rb"*+\((?:[^()\"/\-']++|\"[^\"]*+\")*+\))?+"
_OVERRIDING = rb"(?:" + GAP + rb"*+(?i:overriding)" + GAP + rb"++(?i:system|user)" + GAP + rb"++(?i:value))?+"

values_head = re.compile(_INTO + _COLUMNS + _OVERRIDING + GAP + rb"*+(?i:values)(?=" + GAP + rb"*+\()").match
"""Matches from INSERT up to VALUES, where a row follows; group ``table`` is the table as written."""

default_head = re.compile(
    _INTO + rb"(?=" + GAP + rb"++(?i:default)" + GAP + rb"++(?i:values)" + GAP + rb"*+;)"
).match
"""Matches ``INSERT INTO t`` before ``DEFAULT VALUES;``, as pg_dump writes a row without columns."""

any_head = re.compile(_INTO).match
"""Matches ``INSERT INTO t``, whatever follows."""

_OTHER = rb'[^\'"()$/\-A-Za-z_\x80-\xff]++|"[^"]*+"|-(?!-)|/(?!\*)|'
_CELLS = {
    True: _OTHER + rb"'[^']*+'|(?![eE]')" + WORD,
    False: _OTHER + rb"[eE]?'(?:[^'\\]++|\\.|'')*+'|" + WORD + rb"(?!')",
}
"""A piece of a row outside parentheses, by ``standard_conforming_strings``."""


def _row(*, standard: bool) -> bytes:
    cell = _CELLS[standard]
    nested = rb"\((?:" + cell + rb"|\((?:" + cell + rb")*+\))*+\)"
    return rb"(\((?:" + cell + rb"|" + nested + rb")*+\))"


_first_row = {s: re.compile(SPACE + rb"*+" + _row(standard=s), re.DOTALL).match for s in (True, False)}
_next_row = {
    s: re.compile(SPACE + rb"*+," + SPACE + rb"*+" + _row(standard=s), re.DOTALL).match for s in (True, False)
}
one_row = re.compile(
    rb"(?P<head>" + _INTO + _COLUMNS + _OVERRIDING + rb"[ \t\r\n]++(?i:values))"
    rb"(?P<rows>[ \t\r\n]*+(?P<row>" + _row(standard=True)[1:-1] + rb"))(?P<end>;\r?\n)"
).match
"""Matches a whole INSERT of one row, as ``pg_dump --inserts`` writes it by default."""
_row_begins = re.compile(GAP + rb"*+(,?)" + GAP + rb"*+(?=\()").match
_gap = re.compile(GAP + rb"*+").match
_UNDECIDED = re.compile(rb",?(?:" + GAP + rb")*+(?:-|/|--[^\n\r]*+|/\*.*)?\Z", re.DOTALL).match


@dataclass(slots=True)
class RowReader:
    """The rows of one INSERT statement. Each call of `read` takes as much as can be told.

    ``rows`` counts those of the whole statement; None once something followed that lets the
    server insert fewer (``ON CONFLICT``).
    """

    standard: bool
    rows: int | None = 0
    ended: bool = False
    _scanner: Scanner = field(default_factory=Scanner)
    _in_row: bool = False
    _begun: int = 0

    def read(self, text: bytes, at: int, *, final: bool) -> tuple[int, int, bytes]:
        """Reads on from ``at``.

        Returns:
            Up to where the text is rows, how many rows end in it, and its canonical form. When
            ``ended``, the statement's ``;`` stands there.
        """
        start, ended = at, 0
        canonical: list[bytes] = []
        while True:
            if self.rows is None:
                return self._tail(text, at, ended, canonical, final=final)
            if self._in_row:
                stop, sign = self._scanner.walk(text, at, final=final)
                canonical.append(text[at:stop])
                at = stop
                if not sign:
                    break
                self._in_row = False
                ended += 1
            at, found = self._plain(text, at, canonical)
            ended += found
            gap = _gap(text, at).end()  # type: ignore[union-attr]  # it matches nothing at all, too
            if text[gap : gap + 1] == b";":
                self.ended = True
                at = gap
                break
            begun = _row_begins(text, at)
            if begun is not None and bool(begun.group(1)) == bool(self._begun):
                canonical.append(begun.group(1))
                at = begun.end()
                self._in_row = True
                self._begun += 1
                self._scanner = Scanner(self.standard)
            elif not final and _UNDECIDED(text, gap):
                break
            else:
                self.rows = None
                self._scanner = Scanner(self.standard)
        if self.rows is not None:
            self.rows += ended
        return at, ended, b"".join(canonical) if at > start else b""

    def _plain(self, text: bytes, at: int, canonical: list[bytes]) -> tuple[int, int]:
        """Rows of the usual form, one after the other: where they end and how many they are."""
        first_row, next_row = _first_row[self.standard], _next_row[self.standard]
        rows: list[bytes] = []
        if not self._begun and (first := first_row(text, at)):
            rows.append(first.group(1))
            at = first.end()
        elif self._begun:
            rows.append(b"")
        if rows:
            while row := next_row(text, at):
                rows.append(row.group(1))
                at = row.end()
            canonical.append(b",".join(rows))
        found = len(rows) - (1 if self._begun and rows else 0)
        self._begun += found
        return at, found

    def _tail(
        self, text: bytes, at: int, ended: int, canonical: list[bytes], *, final: bool
    ) -> tuple[int, int, bytes]:
        """What follows the last row; it is no data."""
        sign = b""
        while sign != b";":
            at, sign = self._scanner.walk(text, at, final=final)
            if not sign:
                return at, ended, b"".join(canonical)
        self.ended = True
        return at - 1, ended, b"".join(canonical)
