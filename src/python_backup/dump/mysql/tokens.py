"""Tokens of one statement, as a MySQL or MariaDB server reads them.

Code in comments (``/*!80000 … */``, ``/*M!100600 … */``) is read or skipped by the server's family and
version; a `Reading` says as which server to read. Comments and white space are no tokens.
Source: MySQL Reference Manual, "Comments"; MariaDB knowledge base, "Comment Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import unquote, variable_name
from python_backup.dump.mysql.rows import string_pattern

_MARKS_AND_BLANKS = re.compile(rb"[\s`@]")
_SKIPPED_BY_MARIADB = range(50700, 100000)
_OLDEST_MYSQL = 50700
_OLDEST_MARIADB = 100500
_NEWEST = 999999


class Kind(Enum):
    """What a token is; a number is a word, ``@x`` and ``@@x`` are one token."""

    WORD = "word"
    NAME = "name"
    STRING = "string"
    VARIABLE = "variable"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands in the statement."""

    kind: Kind
    text: bytes
    start: int
    end: int

    @property
    def word(self) -> str:
        """A bare word or symbol in upper case; empty for what is quoted."""
        if self.kind in (Kind.WORD, Kind.SYMBOL):
            return self.text.decode("latin-1").upper()
        return ""

    @property
    def variable(self) -> bytes:
        """See `variable_name`; only for a user variable (`own_variable`)."""
        return variable_name(self.text)

    @property
    def own_variable(self) -> bool:
        """Whether this is a user variable, ``@x``."""
        return self.kind is Kind.VARIABLE and not self.text.startswith(b"@@")

    @property
    def setting(self) -> str:
        """What a SET may set here, in upper case: a session's variable however it is written, or a word."""
        if self.kind is Kind.NAME:
            return (self.name or "").upper()
        if self.kind is not Kind.VARIABLE or self.own_variable:
            return self.word
        name = _MARKS_AND_BLANKS.sub(b"", self.text).decode("latin-1").upper()
        return name.removeprefix("SESSION.").removeprefix("LOCAL.")

    @property
    def name(self) -> str | None:
        """The identifier that it may be, quoted or not."""
        return unquote(self.text) if self.kind in (Kind.WORD, Kind.NAME) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """A server that reads: ``version`` is six digits, as in ``/*!080016``."""

    mariadb: bool
    version: int

    def takes(self, *, marked_m: bool, digits: bytes) -> bool:
        """Whether this server runs the code behind such a mark."""
        number = int(digits or b"0")
        if self.mariadb:
            return number <= self.version and (marked_m or number not in _SKIPPED_BY_MARIADB)
        return not marked_m and number <= self.version


@lru_cache(maxsize=8)
def _pattern(escapes: bool, ansi: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a cache key
    single = b"'" + string_pattern(b"'", escapes=escapes) + b"'?"
    double = b'"' + string_pattern(b'"', escapes=escapes and not ansi) + b'"?'
    back = b"`" + string_pattern(b"`", escapes=False) + b"`?"
    return re.compile(
        rb"(?P<skip>\s++|#[^\n]*+|--(?:[\x00-\x20][^\n]*+|\Z))"
        rb"|/\*(?P<m>M?)!(?P<code>\d{5,6})?|(?P<close>\*/)|(?P<comment>/\*)"
        rb"|(?P<string>(?:" + single + rb")++" + (b"" if ansi else rb"|(?:" + double + rb")++") + rb")"
        rb"|(?P<name>(?:" + back + rb")++" + (rb"|(?:" + double + rb")++" if ansi else b"") + rb")"
        rb"|(?P<variable>@@\s*+(?:[\w$]++\s*+\.\s*+)?(?:[\w$\x80-\xff]++|" + back + rb")"
        rb"|@(?:[\w$.\x80-\xff]++|" + back + rb"|" + single + rb"|" + double + rb"))"
        rb"|(?P<word>[\w$\x80-\xff]++)|(?P<symbol>:=|.)",
        re.DOTALL,
    )


_EDGE = re.compile(rb"/\*|\*/")


def _skip(sql: bytes, at: int, *, nesting: bool) -> int:
    """Past the ``*/`` of code that is not read; comments may nest in it, once (seen on 9.7, 10.5, 11.8)."""
    inner = False
    for found in _EDGE.finditer(sql, at):
        if found.group() == b"*/":
            if not inner:
                return found.end()
            inner = False
        elif nesting:
            inner = True
    return len(sql)


def tokens(sql: bytes, modes: SqlModes, reading: Reading | None = None) -> list[Token]:
    """The statement's tokens; without a reading, all code in comments is read."""
    pattern = _pattern(modes.backslash_escapes, modes.ansi_quotes)
    found: list[Token] = []
    at, in_code = 0, False
    while match := pattern.match(sql, at):
        at = match.end()
        group = match.lastgroup
        if group == "close" and in_code:
            in_code = False
        elif group == "close":  # an asterisk: 2*/* a comment */3
            at -= 1
            found.append(Token(Kind.SYMBOL, b"*", match.start(), at))
        elif group == "comment":
            closed = sql.find(b"*/", at)
            at = closed + 2 if closed >= 0 else len(sql)
        elif group in ("m", "code"):
            marked_m = match["m"] == b"M"
            if reading and not reading.takes(marked_m=marked_m, digits=match["code"] or b""):
                at = _skip(sql, at, nesting=reading.mariadb or not marked_m)  # MySQL: /*M! is a plain comment
            else:
                in_code = True
        elif group and group != "skip":
            found.append(Token(Kind(group), match.group(), match.start(), at))
    return found


_MARKS = re.compile(rb"/\*(M?)!(\d{5,6})?")


def readings(sql: bytes) -> Sequence[Reading | None]:
    """Servers that stand for all that may read this statement: none of these sees what none shows."""
    marks = {(m == b"M", digits) for m, digits in _MARKS.findall(sql)}
    if not marks:
        return (None,)
    versions = {int(digits) for _, digits in marks if digits}
    mysql = {_OLDEST_MYSQL, _NEWEST, *(v for v in versions if v > _OLDEST_MYSQL)}
    mariadb = {_OLDEST_MARIADB, _NEWEST, *(v for v in versions if v > _OLDEST_MARIADB)}
    different: dict[frozenset[tuple[bool, bytes]], Reading] = {}
    for reading in [Reading(False, v) for v in sorted(mysql)] + [Reading(True, v) for v in sorted(mariadb)]:  # noqa: FBT003
        taken = frozenset(m for m in marks if reading.takes(marked_m=m[0], digits=m[1]))
        different.setdefault(taken, reading)
    return tuple(different.values())


@dataclass(frozen=True, slots=True)
class Chain:
    """A name with what qualifies it: the parts of ``a.b.c``, the first at ``first`` in the tokens.

    ``after`` is the index of the token behind it.
    """

    parts: tuple[Token, ...]
    first: int
    after: int

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1].name or ""


def user_variables(found: Sequence[Token]) -> Iterator[Token]:
    """The user variables among the tokens; not accounts' hosts, which look like them: `` `app`@`%` ``."""
    for at, token in enumerate(found):
        before = found[at - 1] if at else None
        host = before is not None and before.kind in (Kind.NAME, Kind.STRING) and before.end == token.start
        if token.own_variable and not host:
            yield token


def chain(found: Sequence[Token], at: int) -> Chain | None:
    """The name that begins at this token; None where none does. A ``*`` may be its last part."""
    if at >= len(found) or found[at].name is None:
        return None
    parts = [found[at]]
    first, at = at, at + 1
    while at + 1 < len(found) and found[at].text == b"." and found[at + 1].name is not None:
        parts.append(found[at + 1])
        at += 2
    return Chain(tuple(parts), first, at)
