"""MySQL's identifiers as text: between backquotes, with a backquote doubled.

Names in dumps are bytes; as ``str`` they are UTF-8 with surrogateescape, so that each byte comes
back. Under ``ANSI_QUOTES`` double quotes hold identifiers by the same rule.
Source: MySQL Reference Manual, "Schema Object Names".
"""

from __future__ import annotations

import codecs
import re

_QUOTES = (b"`", b'"')
_PLAIN_VARIABLE = re.compile(rb"[a-z0-9_$.]+")


def decode(name: bytes) -> str:
    """A name's bytes as text."""
    return codecs.decode(name, "utf-8", "surrogateescape")


def encode(name: str) -> bytes:
    """A name's text as bytes."""
    return codecs.encode(name, "utf-8", "surrogateescape")


def quote(name: str) -> bytes:
    """The name between backquotes, as it stands in a statement."""
    return b"`" + encode(name).replace(b"`", b"``") + b"`"


def unquote(text: bytes) -> str:
    """The name that an identifier stands for, quoted or not."""
    mark = text[:1]
    if mark in _QUOTES and len(text) > 1:
        return decode(text[1:-1].replace(mark * 2, mark))
    return decode(text)


def variable_name(text: bytes) -> bytes:
    """A user variable's name: ``x`` for ``@x``, ``@`x` `` and ``@'X'``, which are all one.

    Empty where it is more than plain ASCII: the server compares such a name by a collation, so that it
    may be that of any other (``@e`` is ``@É``).
    """
    name = text[1:].strip(b"`'\"").lower()
    return name if _PLAIN_VARIABLE.fullmatch(name) else b""
