"""What a CREATE or DROP statement is about: its kind and its names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from python_backup.dump.mysql.tokens import Chain, Token, chain

_KINDS = frozenset(
    """
    TABLE TABLES VIEW PROCEDURE FUNCTION PACKAGE TRIGGER EVENT SEQUENCE INDEX DATABASE SCHEMA USER
    ROLE SERVER TABLESPACE UNDO LOGFILE RESOURCE SPATIAL LIBRARY PREPARE CATALOG
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_BEFORE_NAME = frozenset(("IF", "NOT", "EXISTS", "BODY"))


@dataclass(frozen=True, slots=True)
class Definition:
    """``CREATE``, ``ALTER`` or ``DROP`` of one kind of object.

    ``at`` is the index of the kind's word in the tokens, ``temporary`` is said of tables.
    """

    verb: str
    kind: str
    at: int
    temporary: bool
    name: Chain | None


def definition(found: Sequence[Token]) -> Definition | None:
    """Reads the head of such a statement; None for any other statement."""
    verb = found[0].word if found else ""
    if verb not in ("CREATE", "ALTER", "DROP"):
        return None
    at, temporary = 1, False
    while at < len(found):
        word = found[at].word
        if word == "DEFINER":
            at = after_definer(found, at)
            continue
        if word == "SQL":  # SQL SECURITY DEFINER
            at += 3
            continue
        if word == "SPATIAL" and at + 1 < len(found) and found[at + 1].word == "INDEX":
            word = ""
        if word in _KINDS:
            return Definition(verb, word, at, temporary, next(names(found, at + 1), None))
        temporary = temporary or word == "TEMPORARY"
        if word == "(":
            return None
        at += 1
    return None


def after_definer(found: Sequence[Token], at: int) -> int:
    """The index behind ``DEFINER = account``, given that of ``DEFINER``."""
    at += 1
    if at < len(found) and found[at].word == "=":
        at += 1
    at += 1  # the user, or CURRENT_USER
    if at < len(found) and found[at].text.startswith(b"@"):
        at += 2 if found[at].text == b"@" else 1
    if [t.word for t in found[at : at + 2]] == ["(", ")"]:
        at += 2
    return at


def names(found: Sequence[Token], at: int) -> Iterator[Chain]:
    """The names from there on, separated by commas."""
    while at < len(found) and found[at].word in _BEFORE_NAME:
        at += 1
    while name := chain(found, at):
        yield name
        at = name.after
        if at >= len(found) or found[at].word != ",":
            return
        at += 1
