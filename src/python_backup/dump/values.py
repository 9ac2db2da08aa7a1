r"""What a value of a row says, however a dump writes it: ``E'it\'s'`` is ``it's``, in COPY as in an INSERT.

So rows that two tools wrote can be compared. Numbers and dates are as they stand: what a server would make
of ``1.50`` only the server knows.
"""

from __future__ import annotations

import re

from python_backup.dump.rowwise import RowForm

_COPIED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
# https://dev.mysql.com/doc/refman/8.4/en/string-literals.html; \% and \_ keep their backslash.
_OF_MYSQL = {
    b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"%": rb"\%",
    b"_": rb"\_",
}  # fmt: skip
_NUMBERED = rb"x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|"
_ESCAPE_OF_POSTGRESQL = re.compile(rb"\\(" + _NUMBERED + rb".)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_INTRODUCED = re.compile(rb"(?i)(?:_[a-z0-9]+\s*|n(?='))?(?=['\"])")
_HEX = re.compile(rb"(?i)0x([0-9a-f]+)|x'([0-9a-f]*)'")
_CAST = re.compile(rb"::[\w\"\s.(),\[\]]+\Z")
_TRUTH = {True: {b"true": b"t", b"false": b"f"}, False: {b"true": b"1", b"false": b"0"}}


def text_of(value: bytes, form: RowForm) -> bytes | None:
    """The bytes that one of `RowForm.values` stands for; None is NULL.

    An expression, which only a server can answer, stays as it is.
    """
    if form.copy:
        if b"\\" not in value:
            return value
        return None if value == rb"\N" else _unescaped(value)
    if form.prefixed:
        return _of_postgresql(value, form)
    return _of_mysql(value, form)


def _of_postgresql(value: bytes, form: RowForm) -> bytes | None:
    if b"::" in value:
        value = _CAST.sub(b"", value) if value[-1:] != b"'" else value
    if value[-1:] != b"'":
        return _word(value, _TRUTH[True])
    if value[:1] in (b"'", b"N", b"n"):  # N'…' is an SQL word for a text, and none of pg_dump's
        inside = value[value.index(b"'") + 1 : -1].replace(b"''", b"'")
        return _unescaped(inside) if form.escapes else inside
    if value[:2] in (b"E'", b"e'"):
        return _unescaped(value[2:-1].replace(b"''", b"'"))
    return value


def _of_mysql(value: bytes, form: RowForm) -> bytes | None:
    if value[-1:] not in (b"'", b'"'):
        found = _HEX.fullmatch(value)
        return _bytes(found[1]) if found else _word(value, _TRUTH[False])
    if found := _HEX.fullmatch(value):
        return _bytes(found[2])
    introduced = _INTRODUCED.match(value)
    if introduced is None:
        return value
    mark, inside = value[-1:], value[introduced.end() + 1 : -1]
    inside = inside.replace(mark + mark, mark)
    if b"\\" not in inside or not (form.escapes if mark == b"'" else form.escapes_double):
        return inside
    return _ESCAPE.sub(lambda found: _OF_MYSQL.get(found[1], found[1]), inside)


def _word(value: bytes, truth: dict[bytes, bytes]) -> bytes | None:
    word = value.lower()
    return None if word == b"null" else truth.get(word, value)


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex((b"0" * (len(digits) % 2) + digits).decode("ascii"))


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    return _ESCAPE_OF_POSTGRESQL.sub(_meant, text)


def _meant(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    if escaped[:1] == b"x" and len(escaped) > 1:
        return bytes((int(escaped[1:], 16),))
    if escaped.isdigit() and escaped < b"8":
        return bytes((int(escaped, 8) & 0xFF,))
    return _COPIED.get(escaped, escaped)
