r"""Finds where a statement ends, in big steps, over text that may be cut anywhere.

This is the outline of PostgreSQL's ``scan.l`` that matters for cutting: what stands in strings,
quoted names, dollar quotes, comments and parentheses is stepped over. `tokens` reads the same text
finely, once a statement is whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from python_backup.dump.postgresql.tokens import DOLLAR, WORD

_DULL = re.compile(
    rb"(?:[^'\"$;()/\-A-Za-z_\x80-\xff]++|" + WORD + rb"(?=[^'])|-(?=[^-])|/(?=[^*]))*+", re.DOTALL
).match
_WORD = re.compile(WORD).match
_DOLLAR = re.compile(DOLLAR).match
_DOLLAR_BEGUN = re.compile(DOLLAR[:-2] + rb"\Z").match
_LINE_END = re.compile(rb"[\n\r]").search
_COMMENT_EDGE = re.compile(rb"/\*|\*/").search
_ESCAPED = re.compile(rb"[^'\\]*+(?:\\.[^'\\]*+)*+", re.DOTALL).match
_BETWEEN_STRINGS = re.compile(rb"(?:[ \t\n\r\f\v]++|--[^\n\r]*+)*+").match

_ESCAPES, _AFTER_ESCAPES = b"e'", b"e' ended"


@dataclass(slots=True)
class Scanner:
    """A place in SQL text: how deep in parentheses, and inside what.

    ``inside`` is what is open: empty, a quote, ``--``, ``/*``, a dollar quote's tag, or one of this
    module's marks for strings with backslashes.
    """

    standard: bool = True
    depth: int = 0
    inside: bytes = b""
    comments: int = 0

    def walk(self, text: bytes, at: int, *, final: bool = False) -> tuple[int, bytes]:
        """Goes on from ``at``, where the last call stopped, as far as the text tells.

        Returns:
            The place just after a ``;`` outside parentheses or a ``)`` that closes the outermost
            one, and that sign; or the place from which to go on when there is more text, and
            nothing. ``final`` says that there will be no more.
        """
        size = len(text)
        while True:
            if self.inside:
                at = self._leave(text, at, final=final)
                if self.inside:
                    return at, b""
            at = _DULL(text, at).end()  # type: ignore[union-attr]  # it matches nothing at all, too
            if at >= size:
                return size, b""
            sign = text[at : at + 1]
            if sign in b"();":
                at += 1
                if self._bracket(sign):
                    return at, sign
                continue
            opened = _OPENERS.get(sign, _word)(self, text, at)
            if opened < 0:
                if not final:
                    return at, b""
                opened = at + 1
            at = opened

    @property
    def fresh(self) -> bool:
        """Whether nothing is open."""
        return not self.depth and (not self.inside or self.inside == _AFTER_ESCAPES)

    def _bracket(self, sign: bytes) -> bool:
        """Counts one parenthesis; whether the sign ends something."""
        if sign == b"(":
            self.depth += 1
            return False
        if sign == b")":
            if self.depth:
                self.depth -= 1
                return self.depth == 0
            return False
        return self.depth == 0

    def _leave(self, text: bytes, at: int, *, final: bool) -> int:
        """Looks for the end of what is open; gives the place after it, or where to look on."""
        if self.inside == _ESCAPES:
            at = _ESCAPED(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != b"'":
                return at
            at += 1
            self.inside = _AFTER_ESCAPES
        if self.inside == _AFTER_ESCAPES:
            return self._after_escapes(text, at, final=final)
        if self.inside == b"/*":
            return self._leave_comment(text, at)
        if self.inside == b"--":
            found = _LINE_END(text, at)
            self.inside = b"" if found else b"--"
            return found.end() if found else len(text)
        return self._leave_quote(text, at)

    def _leave_quote(self, text: bytes, at: int) -> int:
        end = text.find(self.inside, at)
        if end < 0:
            return max(at, len(text) - len(self.inside) + 1)
        end += len(self.inside)
        self.inside = b""
        return end

    def _after_escapes(self, text: bytes, at: int, *, final: bool) -> int:
        """A further ``'`` at once, or on a later line, goes on with the same kind of string."""
        gap = _BETWEEN_STRINGS(text, at).end()  # type: ignore[union-attr]
        if gap >= len(text) - 1 and text[gap : gap + 1] in {b"", b"-"} and not final:
            return at
        between = text[at:gap]
        if text[gap : gap + 1] == b"'" and (not between or b"\n" in between or b"\r" in between):
            self.inside = _ESCAPES
            return self._leave(text, gap + 1, final=final)
        self.inside = b""
        return at

    def _leave_comment(self, text: bytes, at: int) -> int:
        while edge := _COMMENT_EDGE(text, at):
            at = edge.end()
            self.comments += 1 if edge.group() == b"/*" else -1
            if not self.comments:
                self.inside = b""
                return at
        return max(at, len(text) - 1)


def _quote(scanner: Scanner, _text: bytes, at: int) -> int:
    scanner.inside = b"'" if scanner.standard else _ESCAPES
    return at + 1


def _name(scanner: Scanner, _text: bytes, at: int) -> int:
    scanner.inside = b'"'
    return at + 1


def _dollar(scanner: Scanner, text: bytes, at: int) -> int:
    if tag := _DOLLAR(text, at):
        scanner.inside = tag.group()
        return tag.end()
    return -1 if _DOLLAR_BEGUN(text, at) else at + 1


def _comment(scanner: Scanner, text: bytes, at: int) -> int:
    """At a ``-`` or ``/`` that begins a comment, or is the last byte there is."""
    if at + 1 == len(text):
        return -1
    scanner.inside = text[at : at + 2]
    scanner.comments = 1
    return at + 2


def _word(scanner: Scanner, text: bytes, at: int) -> int:
    """At a word that ends the text, or that stands before a ``'`` as its prefix."""
    found = _WORD(text, at)
    assert found is not None  # _DULL stops at nothing else
    if found.end() == len(text):
        return -1
    prefix = found.group().lower()
    escapes = prefix == b"e" or (not scanner.standard and prefix not in {b"b", b"x"})
    scanner.inside = _ESCAPES if escapes else b"'"
    return found.end() + 1


_OPENERS: dict[bytes, Callable[[Scanner, bytes, int], int]] = {
    b"'": _quote,
    b'"': _name,
    b"$": _dollar,
    b"-": _comment,
    b"/": _comment,
}
