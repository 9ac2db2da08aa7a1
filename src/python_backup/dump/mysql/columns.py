"""The columns of a CREATE TABLE, in its order, and what the head of an INSERT says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    what = definition(found)
    if what is None or what.name is None or (what.verb, what.kind) != ("CREATE", "TABLE"):
        return None
    begin = what.name.after
    if begin >= len(found) or found[begin].word != "(":
        return None
    columns: list[str] = []
    depth, begins = 0, False
    for token in found[begin:]:
        if begins and token.name is not None and token.word not in _NO_COLUMN:
            columns.append(token.name)
        if token.kind is Kind.SYMBOL:
            depth += {b"(": 1, b")": -1}.get(token.text, 0)
            if depth == 0:
                break
        begins = token.kind is Kind.SYMBOL and token.text in (b",", b"(") and depth == 1
    return what.name.name, tuple(columns)


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
