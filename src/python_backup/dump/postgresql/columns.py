"""The columns of a CREATE TABLE, in its order: what an INSERT or COPY without a list of columns fills."""

from __future__ import annotations

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.tokens import Kind

_NO_COLUMN = frozenset({"constraint", "primary", "unique", "foreign", "check", "exclude", "like"})


def columns_of(at: Cursor) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The table's dotted name and its columns; None for another statement."""
    if not at.accept("create"):
        return None
    at.accept("unlogged")
    if not at.accept("table"):
        return None
    at.accept("if", "not", "exists")
    name = at.name()
    found: list[str] = []
    if not at.accept_sign(b"("):
        return None
    begins, depth = True, 1
    while depth and not at.ended:
        token = at.take()
        if begins and token.names and token.word not in _NO_COLUMN:
            found.append(token.name(at.codec))
        if token.kind is Kind.SIGN:
            depth += (token.text == b"(") - (token.text == b")")
        begins = token.kind is Kind.SIGN and token.text == b"," and depth == 1
    return name, tuple(found)


def listed_columns(at: Cursor) -> tuple[str, ...]:
    """The names in the parentheses that come next, stepped over; none where there are none."""
    found: list[str] = []
    if at.accept_sign(b"("):
        while not at.ended and not at.accept_sign(b")"):
            token = at.take()
            if token.names:
                found.append(token.name(at.codec))
    return tuple(found)
