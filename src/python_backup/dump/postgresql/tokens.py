r"""PostgreSQL's tokens: what a statement's words, names, strings and signs are.

The rules are those of the server's ``scan.l``. Whoever asks what a statement does asks its
tokens, so that no comment, quote or dollar quote can hide a word or feign one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from python_backup.dump.postgresql.names import unicode_unescaped, unquote

SPACE = rb"[ \t\n\r\f\v]"
COMMENT = rb"--[^\n\r]*+[\n\r]|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"
GAP = rb"(?:" + SPACE + rb"|" + COMMENT + rb")"
"""One white space or whole comment (not nested); a pattern for building patterns."""
WORD = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+"
DOLLAR = rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$"

_CONTINUED = rb"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:" + SPACE + rb"|--[^\n\r]*+[\n\r])*+"
_PLAIN = rb"'[^']*+'(?:(?:" + _CONTINUED + rb")?'[^']*+')*+"
_ESCAPED_PART = rb"'(?:[^'\\]|\\.)*+'"
_ESCAPED = _ESCAPED_PART + rb"(?:(?:" + _CONTINUED + rb")?" + _ESCAPED_PART + rb")*+"


class Kind(Enum):
    """What a token is; ``WORD`` is a bare identifier or key word, ``NAME`` a quoted one."""

    WORD = auto()
    NAME = auto()
    STRING = auto()
    NUMBER = auto()
    SIGN = auto()


class Token(NamedTuple):
    """One token and where it stands; ``word`` is a bare word in lower case, else empty."""

    kind: Kind
    text: bytes
    start: int
    word: str = ""

    @property
    def end(self) -> int:
        """Where the token ends."""
        return self.start + len(self.text)

    def name(self, codec: str = "utf-8") -> str:
        """The identifier that a word, a name or (where the grammar takes one) a string means."""
        if self.kind is Kind.STRING:
            return string_value(self.text).decode(codec, "surrogateescape")
        return unquote(self.text, codec)

    @property
    def names(self) -> bool:
        """Whether this can be an identifier."""
        return self.kind is Kind.WORD or self.kind is Kind.NAME


def _pattern(*, standard: bool) -> Callable[[bytes, int], re.Match[bytes] | None]:
    bare = _PLAIN if standard else _ESCAPED
    return re.compile(
        rb"(?P<gap>" + SPACE + rb"++|--[^\n\r]*+)|(?P<comment>/\*)"
        rb"|(?P<STRING>[eE]" + _ESCAPED + rb"|(?:[bBxX]|[uU]&)" + _PLAIN + rb"|[nN]?" + bare + rb")"
        rb'|(?P<NAME>(?:[uU]&)?"[^"]*+"(?:"[^"]*+")*+)'
        rb"|(?P<WORD>" + WORD + rb")|(?P<NUMBER>[0-9]++)"
        rb"|(?P<dollar>" + DOLLAR + rb")|(?P<SIGN>.)",
        re.DOTALL,
    ).match


_MATCH = {True: _pattern(standard=True), False: _pattern(standard=False)}
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


def tokens(sql: bytes, start: int = 0, *, standard: bool = True) -> Iterator[Token]:
    """The tokens of one statement, without white space and comments.

    ``standard`` is the setting ``standard_conforming_strings``.
    """
    match, at = _MATCH[standard], start
    while found := match(sql, at):
        kind, text = found.lastgroup, found.group()
        begun, at = at, found.end()
        if kind == "WORD":
            yield Token(Kind.WORD, text, begun, text.decode("latin-1").lower())
        elif kind == "comment":
            at = comment_end(sql, at) or len(sql)
        elif kind == "dollar":
            close = sql.find(text, at)
            at = len(sql) if close < 0 else close + len(text)
            yield Token(Kind.STRING, sql[begun:at], begun)
        elif kind is not None and kind != "gap":
            yield Token(Kind[kind], text, begun)


def comment_end(sql: bytes, at: int) -> int:
    """Where the nested comment ends whose opening stands before ``at``; 0 if it does not."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, at)
        if edge is None:
            return 0
        depth += 1 if edge.group() == b"/*" else -1
        at = edge.end()
    return at


_BACKSLASH = re.compile(
    rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL
)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_JOINT = re.compile(rb"'" + _CONTINUED + rb"'")


def string_value(text: bytes) -> bytes:
    """What a string token means. A bare ``'…'`` is read as a standard string."""
    if text[:1] == b"$":
        tag = text.index(b"$", 1) + 1
        return text[tag:-tag]
    quote = text.index(b"'")
    prefix, body = text[:quote].lower(), _JOINT.sub(b"", text[quote:])[1:-1]
    if prefix == b"e":
        return _BACKSLASH.sub(_backslashed, body.replace(b"''", b"'"))
    body = body.replace(b"''", b"'")
    if prefix == b"u&":
        return unicode_unescaped(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return body


def _backslashed(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if short or long:
        return chr(min(int(short or long, 16), 0x10FFFF)).encode("utf-8", "surrogatepass")
    return _LETTERS.get(letter, letter)
