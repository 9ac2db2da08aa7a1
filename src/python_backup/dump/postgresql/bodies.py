"""What the text of a function does: judged by its words, since nothing of it is run yet.

One that makes up its statements (``EXECUTE``), or that is in a language whose text tells nothing here, may
reach anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.forbidden import READ_BY_LEXER, outside
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import Kind, Token

_READABLE = frozenset({"sql", "plpgsql"})
_BODY_WORDS = frozenset({
    "execute", "copy", "load", "alter", "create", "drop", "grant", "revoke", "import", "set_config",
    "security", "listen", "notify", "checkpoint", "discard", "uescape",
})  # fmt: skip
WRITES = frozenset({"insert", "update", "delete", "truncate", "merge"})
"""Words of statements that change rows."""
SECRETS = frozenset({"pg_authid", "pg_shadow"})
"""The server's relations that hold passwords."""
_DO_OF_ANOTHER = frozenset({"nothing", "update", "instead", "also"})
_LIBRARIES = re.compile(
    r"(?i)dblink|adminpack|postgres_fdw|file_fdw|tablefunc|pl\w*(?:perl|python|tcl|v8|sh|lua|r)\b|xml2"
    r"|pg_cron|pg_background|plpgsql|libpqwalreceiver|basic_archive"
).search


def tokens_of(at: Cursor) -> list[Token]:
    """All tokens from the cursor on."""
    found: list[Token] = []
    while not at.ended:
        found.append(at.take())
    return found


def reaching(name: str) -> bool:
    """Whether a name is that of what reaches outside, or of what must not be used beside plain SELECTs."""
    return name == "set_config" or name in SECRETS or outside(name) is not None


def texts_of(session: Session, found: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each string in a CREATE FUNCTION: its body, and more than that."""
    texts: list[list[Token]] = []
    for token in found:
        if token.kind is Kind.STRING:
            value = Cursor(token.text, session.standard, session.codec).string() or ""
            body = value.encode(session.codec, "surrogateescape")
            texts.append(tokens_of(session.cursor(body)))
    return texts


def body_outside(
    session: Session, found: Sequence[Token], bodies: Sequence[Sequence[Token]], words: Sequence[str]
) -> bool:
    """Whether a CREATE FUNCTION's text may reach outside; ``words`` are all names in it."""
    if any(reaching(word) for word in words):
        return True
    languages = {n.name(session.codec).lower() for t, n in pairwise(found) if t.word == "language"}
    if "c" in languages:
        texts = [t for t in found if t.kind is Kind.STRING]
        if any(_LIBRARIES(t.text.decode("latin-1")) or outside(t.name(session.codec)) for t in texts):
            return True
    if not languages <= _READABLE | {"c"}:
        return True
    said = [t.word for body in bodies for t in body]
    atomic = next((n for n, t in enumerate(found) if t.word == "atomic"), len(found))
    said += [t.word for t in found[atomic:]]
    reads = {t.name(session.codec).lower() for body in bodies for t in body if t.names}
    if not READ_BY_LEXER.isdisjoint(reads) or ("set", "names") in pairwise(said):
        return True
    runs = any(w == "do" and n not in _DO_OF_ANOTHER for w, n in pairwise([*said, ""]))
    catalog = not WRITES.isdisjoint(said) and any(w.startswith("pg_") and w != "pg_temp" for w in words)
    return runs or catalog or not _BODY_WORDS.isdisjoint(said)
