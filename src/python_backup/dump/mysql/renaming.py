"""Which names in a statement are the source database, which may be, and which strings speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from python_backup.dump.choices import Choices
from python_backup.dump.mysql.names import encode, quote
from python_backup.dump.mysql.qualified import PATTERN, Qualifier, places
from python_backup.dump.mysql.tokens import Kind, Token

AMBIGUOUS = "{0}.… may name the database {0} or something else that is called so"
AMBIGUOUS_HINT = "Say --rename-ambiguous yes if it is the database, or no if it is not."

_PSEUDO_RECORDS = frozenset(("old", "new"))
_PROGRAMS = frozenset(("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"))
_HEAD = 16
_ESCAPED = re.compile(r"\\([_%\\])")
_WILD = re.compile(r"[_%\\]")


def asks(source: str, database: str, choices: Choices) -> bool:
    """Whether somebody must decide what an ambiguous name is.

    Where the database has the source's name in the end, a name that is left is right, whatever it is.
    """
    final = choices.final_name or database
    return source not in (database, final) and choices.rename_ambiguous is None


@dataclass(frozen=True, slots=True)
class Name:
    """The source's name; ``folded``: the server takes it in upper and lower case for the same."""

    source: str
    folded: bool = False

    def matches(self, name: str | None) -> bool:
        """Whether this name of a database is the source's."""
        return name == self.source or (self.folded and (name or "").lower() == self.source.lower())


def renamed_tokens(found: Sequence[Token], name: Name) -> Iterator[Qualifier]:
    """The places where the grammar wants a database, and it is the source."""
    for qualifier in places(found).qualifiers:
        database = qualifier.database
        if name.matches(database) or (
            qualifier.by == PATTERN and name.matches(_ESCAPED.sub(r"\1", database))
        ):
            yield qualifier


def written(qualifier: Qualifier, database: str) -> bytes:
    """The other database's name in that place; a GRANT takes ``_`` and ``%`` for any character."""
    escapes = qualifier.by == PATTERN and _ESCAPED.search(qualifier.database)
    return quote(_WILD.sub(r"\\\g<0>", database) if escapes else database)


def ambiguous(found: Sequence[Token], name: Name) -> Iterator[Token]:
    """Names of two parts that begin with the source's name, and with no table or alias that is known."""
    what = places(found)
    in_trigger = any(t.word == "TRIGGER" for t in found)
    known = {relation.lower() for relation in what.relations} if name.folded else what.relations
    for token in what.columns:
        first = token.name or ""
        pseudo = in_trigger and first.lower() in _PSEUDO_RECORDS
        if name.matches(first) and not pseudo and (first.lower() if name.folded else first) not in known:
            yield token


def texts_that_name(found: Sequence[Token], source: str) -> Iterator[Token]:
    """Strings in a program that may become a statement, or part of one, that names the source.

    ``'insert into shop.log'``, ``'use shop'``, ``'drop table shop'`` before ``'.log'``, and ``'shop'`` alone.
    """
    if not any(t.word in _PROGRAMS for t in found[:_HEAD]):
        return
    name = rb"(?<![\w$\x80-\xff])[`\"\\]{0,2}" + re.escape(encode(source)) + rb"[`\"\\]{0,2}\s*"
    behind = rb"(?:\A.|\b(?i:USE|DATABASE|SCHEMA|EXISTS|FROM|IN|ON|INTO|JOIN|TABLE|UPDATE|CALL|LIKE)\s+)"
    names = re.compile(name + rb"\.|" + behind + name + rb"(?:\W|\Z)", re.DOTALL).search
    yield from (t for t in found if t.kind is Kind.STRING and names(t.text))
