r"""Literals with an introducer, ``_utf8mb4'it\'s'``: MySQL writes them into checks and generated columns.

MariaDB keeps such an expression as text, and writes the literal without the escapes that it needs: with a
quote or a backslash the table cannot be made (error 1064), with another byte that is not plain the literal
is a different one (``_utf8mb4'a\nb'`` becomes ``_utf8mb4'ax0Ab'``). Without introducer it keeps it right.
Seen with MariaDB 10.5, 10.11 and 11.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from python_backup.dump.mysql.tokens import Kind, Token

_PLAIN = re.compile(rb"'[ -&(-\[\]-~]*'\Z")
_ASCII = re.compile(rb"[\x00-\x7f]*\Z")
_SESSIONS = frozenset(("_UTF8MB4", "_UTF8MB3", "_UTF8"))
"""What a dump's session has, or a part of it; a literal without introducer is of the session's."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """An introducer with a literal that MariaDB does not keep; ``needed``: without it, it is another."""

    introducer: Token
    literal: Token
    needed: bool


def introduced(found: Sequence[Token]) -> Iterator[Introduced]:
    """Those of one statement that makes a table."""
    for at, token in enumerate(found[:-1]):
        literal = found[at + 1]
        if token.kind is not Kind.WORD or not token.word.startswith("_") or literal.kind is not Kind.STRING:
            continue
        if _PLAIN.match(literal.text):
            continue
        other = token.word not in _SESSIONS and (
            token.word == "_BINARY" or _ASCII.match(literal.text) is None
        )
        yield Introduced(token, literal, needed=other)
