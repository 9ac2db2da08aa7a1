"""What a PostgreSQL dump's statements need of the server: extensions, tablespaces, collations, rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from python_backup.dump.piece import Statement
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.session import Session, settings
from python_backup.dump.postgresql.tokens import Kind

_MAY_NEED = re.compile(
    rb"(?is)\s*(?:grant\b|set\s+default_tablespace|"
    rb"create\s+(?:extension|event\s+trigger|subscription|foreign\s+data|access\s+method)|"
    rb"(?:create|alter)\b.*?\b(?:tablespace|collate)\b)"
).match


@dataclass(slots=True)
class PostgreSQLNeeds:
    """See `python_backup.dump.needs.NeedsReader`."""

    _session: Session = field(default_factory=Session)

    def __call__(self, statement: Statement) -> Iterator[tuple[str, str]]:
        """What one statement needs."""
        self._session.take(statement.sql)
        if not _MAY_NEED(statement.sql):
            return
        at = self._session.cursor(statement.sql)
        if at.sees("set"):
            for name, values in settings(at):
                if name == "default_tablespace" and values and values[0]:
                    yield "tablespaces", values[0]
        elif at.accept("grant"):
            yield from _grantees(at)
        elif at.accept("create", "extension"):
            at.accept("if", "not", "exists")
            yield "extensions", at.take().name(at.codec)
        else:
            for words, kind in _FOR_SUPERUSERS.items():
                if at.sees("create", *words):
                    yield "superuser", kind
            yield from _mentioned(at)


_FOR_SUPERUSERS = {
    ("event", "trigger"): "event triggers",
    ("subscription",): "subscriptions",
    ("foreign", "data"): "foreign data wrappers",
    ("access", "method"): "access methods",
}


def _grantees(at: Cursor) -> Iterator[tuple[str, str]]:
    if not at.skip_to("to"):
        return
    at.take()
    while at.peek().names:
        at.accept("group")
        yield "grantees", at.take().name(at.codec)
        if not at.accept_sign(b","):
            return


def _mentioned(at: Cursor) -> Iterator[tuple[str, str]]:
    """The server's own collations that are named anywhere, and the tablespace of a table or an index.

    A column may be called tablespace, so that word counts outside parentheses alone.
    """
    stored = at.sees("create|alter", "table|index|unlogged|unique")
    depth = 0
    while not at.ended:
        token = at.take()
        if token.kind is Kind.SIGN:
            depth += (token.text == b"(") - (token.text == b")")
        elif token.word == "collate":
            parts = at.name()
            if parts[:-1] == ("pg_catalog",):
                yield "collations", parts[-1]
        elif token.word == "tablespace" and stored and depth == 0 and at.peek().names:
            yield "tablespaces", at.take().name(at.codec)
