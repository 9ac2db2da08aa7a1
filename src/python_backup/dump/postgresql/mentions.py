"""What the text of a statement mentions by name, wherever in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.tokens import Kind

Name = tuple[str, str]
"""Schema and name; a schema's own is without the second."""

Named = Callable[[tuple[str, ...]], Name]
"""Gives a name that may lack its schema the session's."""


def relations(at: Cursor, named: Named) -> Iterator[tuple[Name, bool]]:
    """What may be tables or routines: names with a schema, and what stands behind words that want one.

    True: a parenthesis follows, as behind a routine.
    """
    before = ""
    while not at.ended:
        if not at.peek().names:
            before = at.take().word
            continue
        word, parts = at.peek().word, at.name()
        called = at.peek().text == b"("
        if before in {"references", "function", "procedure"}:
            yield named(parts), called
        elif len(parts) > 1:
            yield named(parts[:2]), called
        before = word if len(parts) == 1 else ""


def types_and_sequences(at: Cursor, sql: bytes, named: Named) -> Iterator[tuple[str, Name]]:
    """What may be types (any name) or, in the strings of ``nextval``, sequences, by kind."""
    while not at.ended:
        if at.peek().kind is Kind.STRING:
            value = at.string() or ""
            parts = Cursor(value.encode("utf-8", "surrogateescape")).name() if b"nextval" in sql else ()
            kind = "sequence"
        elif at.peek().names:
            parts, kind = at.name(), "type"
        else:
            at.take()
            continue
        if parts:
            yield kind, named(parts)
