"""The columns of a CREATE TABLE, in its order, and what the head of an INSERT says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.tokens import Kind, Token, chain

_NO_COLUMN = frozenset(
    "CONSTRAINT PRIMARY UNIQUE KEY INDEX FULLTEXT SPATIAL VECTOR FOREIGN CHECK PERIOD LIKE".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Head:
    """What an INSERT fills: ``columns`` is empty where it lists none; without ``values`` it selects."""

    table: str
    columns: tuple[str, ...]
    values: bool


def columns_of(found: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    """The table's name and its columns; None for another statement."""
    made = _table(found)
    return None if made is None else (made[0], tuple(parts[0].name or "" for parts in made[1]))


def generated_columns(found: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    """The table's name and those of its columns that are computed; None for another statement."""
    made = _table(found)
    if made is None:
        return None
    computed = (p[0].name or "" for p in made[1] if ("AS", "(") in pairwise(t.word for t in p))
    return made[0], tuple(computed)


def _table(found: Sequence[Token]) -> tuple[str, Iterator[list[Token]]] | None:
    what = definition(found)
    if what is None or what.name is None or (what.verb, what.kind) != ("CREATE", "TABLE"):
        return None
    begin = what.name.after
    if begin >= len(found) or found[begin].word != "(":
        return None
    return what.name.name, _columns(found[begin:])


def _columns(found: Sequence[Token]) -> Iterator[list[Token]]:
    """Each column's tokens, its name first, from the bracket that opens the table's parts to its end."""
    parts: list[Token] = []
    depth = 0
    for token in found:
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth -= mark == b")"
        if depth == 0 or (depth == 1 and mark == b","):
            if parts and parts[0].name is not None and parts[0].word not in _NO_COLUMN:
                yield parts
            parts = []
            if mark == b")":
                return
        else:
            parts.append(token)
        depth += mark == b"("


def head_of(found: Sequence[Token]) -> Head | None:
    """Reads ``INSERT … INTO t (a, b) VALUES``."""
    at = next((i + 1 for i, t in enumerate(found[:4]) if t.word == "INTO"), 1)
    table = chain(found, at)
    if table is None:
        return None
    at = table.after
    columns: list[str] = []
    if at < len(found) and found[at].word == "(":
        while at < len(found) and found[at].word != ")":
            name = found[at].name
            if name is not None:
                columns.append(name)
            at += 1
        at += 1
    values = at < len(found) and found[at].word in ("VALUES", "VALUE")
    return Head(table.name, tuple(columns), values)
