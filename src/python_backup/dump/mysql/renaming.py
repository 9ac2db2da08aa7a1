"""Which names in a statement are the source database, which may be, and which strings speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from python_backup.dump.choices import Choices
from python_backup.dump.mysql.names import encode
from python_backup.dump.mysql.qualified import places
from python_backup.dump.mysql.tokens import Kind, Token

AMBIGUOUS = "{0}.… may name the database {0} or something else that is called so"
AMBIGUOUS_HINT = "Say --rename-ambiguous yes if it is the database, or no if it is not."

_PSEUDO_RECORDS = frozenset(("old", "new"))
_PROGRAMS = frozenset(("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"))
_HEAD = 16


def asks(source: str, database: str, choices: Choices) -> bool:
    """Whether somebody must decide what an ambiguous name is.

    Where the database has the source's name in the end, a name that is left is right, whatever it is.
    """
    final = choices.final_name or database
    return source not in (database, final) and choices.rename_ambiguous is None


def renamed_tokens(found: Sequence[Token], source: str) -> Iterator[Token]:
    """The places where the grammar wants a database, and it is the source."""
    return (q.token for q in places(found).qualifiers if q.database == source)


def ambiguous(found: Sequence[Token], source: str) -> Iterator[Token]:
    """Names of two parts that begin with the source's name, and with no table or alias that is known."""
    what = places(found)
    in_trigger = any(t.word == "TRIGGER" for t in found)
    for token in what.columns:
        pseudo = in_trigger and (token.name or "").lower() in _PSEUDO_RECORDS
        if token.name == source and not pseudo and token.name not in what.relations:
            yield token


def texts_that_name(found: Sequence[Token], source: str) -> Iterator[Token]:
    """Strings in a program that may become a statement that names the source."""
    if not any(t.word in _PROGRAMS for t in found[:_HEAD]):
        return
    name = rb"(?<![\w$\x80-\xff])`?" + re.escape(encode(source)) + rb"`?\s*\."
    names = re.compile(name).search
    yield from (t for t in found if t.kind is Kind.STRING and names(t.text))
