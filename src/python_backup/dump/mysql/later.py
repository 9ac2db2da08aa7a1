"""Which keys of a table can be made after its rows, read from what its server shows of it.

A server shows keys in the order in which it got them, unique ones before the others and full text behind
them. So a key can be taken off and made again unseen if all plain keys behind it are, too. Only what is
known to come back as the same text is taken: columns with their prefixes and orders, and few options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise, takewhile

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import Kind, Token, tokens

_NUMBER = "AUTO_INCREMENT"
_KEYS = frozenset(("PRIMARY", "UNIQUE", "KEY", "FULLTEXT", "SPATIAL", "VECTOR"))
_COLUMN = r"n(?: \( d \))?(?: ASC| DESC)?"
_OPTION = (
    r" USING BTREE| COMMENT s| KEY_BLOCK_SIZE = d| INVISIBLE| VISIBLE| IGNORED| NOT IGNORED"  # and no other
)
_PLAIN = re.compile(rf"KEY n \( {_COLUMN}(?: , {_COLUMN})* \)(?:{_OPTION})*")
"""A key's words, with ``n`` for names, ``d`` for numbers and ``s`` for texts."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key; ``sql`` is its text in CREATE TABLE, as it may stand behind ``ADD``."""

    name: str
    sql: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands between two commas of a CREATE TABLE."""

    text: bytes
    found: Sequence[Token]

    @property
    def word(self) -> str:
        return self.found[0].word if self.found else ""

    @property
    def words(self) -> list[str]:
        return [token.word for token in self.found]

    @property
    def names(self) -> list[str]:
        return [token.name or "" for token in self.found if token.kind is Kind.NAME]

    @property
    def key(self) -> Key:
        return Key(self.names[0], self.text)


def keys_for_later(create: bytes, needed: AbstractSet[str]) -> tuple[Key, ...]:
    """The keys that can be made when the rows are in, in their order.

    ``create`` is SHOW CREATE TABLE's; ``needed`` are columns of foreign keys, of this table and to it, in
    lower case: a key that begins with one stays, as does that of AUTO_INCREMENT. Keys of computed columns
    stay.
    """
    parts = tuple(_parts(create))
    if any(part.word == "PERIOD" for part in parts):
        return ()
    columns = [part for part in parts if part.found and part.found[0].kind is Kind.NAME]
    first = {part.names[0].lower() for part in columns if _NUMBER in part.words} | needed
    computed = {part.names[0].lower() for part in columns if ("AS", "(") in pairwise(part.words)}

    def may_wait(part: _Part) -> bool:
        of = [name.lower() for name in part.names[1:]]
        return bool(_PLAIN.fullmatch(_shape(part))) and of[0] not in first and not computed & set(of)

    keys = [part for part in parts if part.word in _KEYS - {"FULLTEXT"}]
    return tuple(part.key for part in reversed(list(takewhile(may_wait, reversed(keys)))))


def missing(wanted: bytes, present: bytes) -> tuple[Key, ...]:
    """The plain keys of one definition that another has not just so, in their order."""
    there = {part.text for part in _parts(present)}
    return tuple(part.key for part in _parts(wanted) if part.word == "KEY" and part.text not in there)


def alike(one: bytes, other: bytes) -> bool:
    """Whether two definitions are the same but for the table's next number, which rows change."""
    return _unnumbered(one) == _unnumbered(other)


def _parts(create: bytes) -> Iterator[_Part]:
    found = tokens(create, SqlModes())
    what = definition(found)
    if what is None or what.name is None:
        return
    depth, at = 0, what.name.after
    for number, token in enumerate(found[at:], at):
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth += (mark == b"(") - (mark == b")")
        if (depth == 1 and mark == b",") or (depth == 0 and mark == b")"):
            text = create[found[at].end : token.start].strip()
            yield _Part(text, found[at + 1 : number])
            at = number
        if depth == 0:
            return


def _shape(part: _Part) -> str:
    return " ".join(_letter(token) for token in part.found)


def _letter(token: Token) -> str:
    if token.kind is Kind.NAME:
        return "n"
    if token.kind is Kind.STRING:
        return "s"
    return "d" if token.text.isdigit() else token.word


def _unnumbered(create: bytes) -> bytes:
    depth = 0
    found = tokens(create, SqlModes())
    for at, token in enumerate(found):
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth += (mark == b"(") - (mark == b")")
        if depth == 0 and token.word == _NUMBER and at + 2 < len(found):
            return create[: token.start].rstrip() + create[found[at + 2].end :]
    return create
