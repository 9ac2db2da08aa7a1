r"""Looks through an INSERT's rows for anything that is no literal: a call, a subquery, a variable.

What mysqldump and mariadb-dump write is numbers, NULL, strings and what introduces them; one pattern
takes that in big steps. The rest of a statement in which something else stands is kept, to be judged by
its tokens. A header is no proof here: a hostile dump may have one too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from python_backup.dump.mysql.modes import SqlModes

KEPT = 64 << 20
"""Bytes of rows with something else in them that are kept to be judged."""

_LONGEST_WORD = 64
_CUT_WORD = re.compile(rb"[\w.+\-]*\Z")
_HEX = re.compile(rb"[0-9A-Fa-f]*+")
_PLAIN = (
    rb"[0-9,()\s.+]++|NULL\b|(?<=[,(\s]0)[xX][0-9A-Fa-f]++\b|-(?!-)|(?<=[0-9.])[eE](?=[0-9+\-])"
    rb"|_(?:binary|utf8mb[34]|utf8|latin1|ascii|ucs2|utf16|utf16le|utf32)\b|[bBxXnN](?=')|true\b|false\b|DEFAULT\b"
)
_EASY = rb"[^']*+(?<!\\)'|(?:[^']*+(?<=[^\\]\\)')++[^']*+(?<!\\)'|"
"""The rest of a string whose quotes have at most one backslash before them: three times as fast."""


@dataclass(frozen=True, slots=True)
class _Patterns:
    plain: re.Pattern[bytes]
    strings: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    inside: re.Pattern[bytes]


def _content(mark: bytes, *, escapes: bool) -> bytes:
    """A string up to its closing mark; faster here than the lexer's pattern for the same."""
    plain = rb"[^" + mark + rb"\\]*+"
    return plain + rb"(?:\\." + plain + rb")*+" if escapes else rb"[^" + mark + rb"]*+"


@lru_cache(maxsize=4)
def _patterns(escapes: bool, ansi: bool) -> _Patterns:  # noqa: FBT001 - a cache key
    single = _content(b"'", escapes=escapes)
    double = b'"' + _content(b'"', escapes=escapes and not ansi) + b'"'
    string = rb"'(?:" + (_EASY if escapes else b"") + single + rb"')"
    kept = rb"(`[^`]*`|--[\x00-\x20][^\n]*|\#[^\n]*|/\*.*?\*/" + (rb"|" + double if ansi else b"") + rb")"
    literal = _PLAIN + (b"" if ansi else rb"|" + double)
    return _Patterns(
        re.compile(rb"(?:" + string + rb"|" + literal + rb")*+", re.DOTALL),
        re.compile(kept + rb"|" + string + (b"" if ansi else rb"|" + double), re.DOTALL),
        re.compile(rb"'" + single + rb"(?:\\?\Z)" if escapes else rb"'" + single + rb"\Z", re.DOTALL),
        re.compile(single, re.DOTALL),
    )


@dataclass(slots=True)
class Literals:
    """The rows of one INSERT, piece by piece, cut anywhere.

    ``other`` is None while all was literals; else the rows from there on, for a judge of tokens. It is
    never longer than `KEPT`: ``too_large`` says that some is missing.
    """

    modes: SqlModes
    other: list[bytes] | None = None
    too_large: bool = False
    _size: int = 0
    _carry: bytes = b""
    _in_string: bool = False
    _in_hex: bool = False
    _patterns: _Patterns = field(init=False)

    def __post_init__(self) -> None:
        self._patterns = _patterns(self.modes.backslash_escapes, self.modes.ansi_quotes)

    def take(self, text: bytes) -> None:
        """Looks at one stretch of rows."""
        if self.other is not None:
            self._keep(text)
            return
        if self._carry:
            text = self._carry + text
            self._carry = b""
        at = 0
        if self._in_string:
            found = self._patterns.inside.match(text)
            at = found.end() if found else 0
            if text[at : at + 1] != b"'":
                self._carry = text[at:]  # a backslash whose byte is not here yet
                return
            self._in_string = False
            at += 1
        self._outside(text, at)

    def _outside(self, text: bytes, at: int) -> None:
        if self._in_hex:
            found = _HEX.match(text, at)
            at = found.end() if found else at
            self._in_hex = at == len(text)
        begin = at
        found = self._patterns.plain.match(text, at)
        at = found.end() if found else at
        if at == len(text):
            self._word_goes_on(text, begin)
        elif begun := self._patterns.begun.match(text, at):
            self._in_string = True
            self._carry = b"\\" if self.modes.backslash_escapes and _open_escape(begun.group()) else b""
        elif len(text) - at <= _LONGEST_WORD and _CUT_WORD.match(text, at):
            self._carry = text[at:]
        else:
            self.other = []
            word = _CUT_WORD.search(text, max(0, at - _LONGEST_WORD), at)
            self._keep((word.group() if word else b"") + text[at:])

    def _word_goes_on(self, text: bytes, begin: int) -> None:
        """Keeps a number that may be cut in two for the next stretch; of a long hexadecimal one the fact."""
        if self._in_hex or not text[-1:].isalnum():
            return
        tail = text[max(begin, len(text) - _LONGEST_WORD) :]
        word = _CUT_WORD.search(tail)
        if word and (word.start() > 0 or len(tail) < _LONGEST_WORD):
            self._carry = word.group()
        else:
            self._in_hex = True

    def _keep(self, text: bytes) -> None:
        assert self.other is not None
        self._size += len(text)
        if self._size <= KEPT:
            self.other.append(text)
        else:
            self.too_large = True

    def rest(self) -> bytes | None:
        """What is to be judged at the statement's end, without its strings' contents; None for nothing."""
        if self.other is None:
            if not self._carry or self._in_string:
                return None
            self.other = [self._carry]
        whole = b"".join(self.other)
        if b"/*!" in whole or b"/*M!" in whole:
            return whole  # a quote in code that a server skips begins no string there
        return self._patterns.strings.sub(lambda found: found[1] or b"''", whole)


def _open_escape(text: bytes) -> bool:
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
