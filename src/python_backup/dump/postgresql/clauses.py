"""Single clauses of statements: which name stands behind ATTACH PARTITION, OWNED BY, INHERITS and others."""

from __future__ import annotations

from collections.abc import Iterator

from python_backup.dump.postgresql.cursor import Cursor


def attached(at: Cursor) -> tuple[str, ...]:
    """The partition of ``ALTER TABLE p ATTACH PARTITION c``."""
    return at.name() if at.skip_to("attach") and at.accept("attach", "partition") else ()


def partition_of(at: Cursor) -> tuple[str, ...]:
    """The parent of ``CREATE TABLE c PARTITION OF p``."""
    return at.name() if at.skip_to("partition") and at.accept("partition", "of") else ()


def inherited(at: Cursor) -> Iterator[tuple[str, ...]]:
    """The tables of ``INHERITS (a, b)``."""
    if at.skip_to("inherits"):
        at.take()
        while at.accept_sign(b"(") or at.accept_sign(b","):
            yield at.name()


def multirange(at: Cursor) -> tuple[str, ...]:
    """The further type that ``CREATE TYPE … AS RANGE`` makes (PostgreSQL 14)."""
    while not at.ended:
        if at.accept("multirange_type_name"):
            at.accept_sign(b"=")
            return at.name()
        at.take()
    return ()


def identity_sequence(at: Cursor) -> tuple[str, ...]:
    """The sequence of an identity column."""
    while not at.ended:
        if at.accept("sequence", "name"):
            return at.name()
        at.take()
    return ()


def owning_table(at: Cursor) -> tuple[str, ...]:
    """The table of ``OWNED BY table.column``."""
    return at.name()[:-1] if at.skip_to("owned") and at.accept("owned", "by") else ()


def added_constraint(at: Cursor) -> str:
    """The name of the constraint that an ALTER TABLE adds."""
    while at.skip_to("add"):
        at.take()
        if at.accept("constraint"):
            return "".join(at.name()[-1:])
    return ""


def name_after(at: Cursor, *, after: str) -> tuple[str, ...]:
    """The name behind this word."""
    return at.name()[-1:] if at.skip_to(after) and at.accept(after) else ()
