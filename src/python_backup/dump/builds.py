"""What a dump makes of a table once its rows are in: indexes and keys, known before the rows are loaded.

A dump names them at its end, when all rows are in. Who knows them before can begin each as soon as its own
table is filled, beside the loading of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from python_backup.dump.dialect import Rewriter
    from python_backup.dump.piece import Piece


@dataclass(frozen=True, slots=True)
class Setting:
    """A statement that says how the server reads what follows; ``names`` are those of what it sets."""

    sql: bytes
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """One statement that makes an index or a key of a table whose rows stand before it in the dump.

    ``sql`` and ``line`` are the rewritten statement's, ``table`` is a `python_backup.model.label`.
    ``settings`` are those under which the server reads and does it, in their order. ``alone``:
    nothing else may be done to the table meanwhile. ``plain``: it names columns and nothing else; what
    has an expression may call functions, and these may need all that stands before it.
    """

    sql: bytes
    line: int
    table: str
    settings: tuple[Setting, ...]
    alone: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class Builds:
    """A dump's builds in its order; ``ends`` has the line of each table's last data statement.

    ``copies`` has, by its line, the settings under which a table's last COPY is read, in their order; none of
    those behind which nothing is known of the session.

    ``jobs`` is how many statements may be under way at once, the loading of rows among them. ``work``
    is `work_of` the tables that were filled before.
    """

    found: tuple[Build, ...] = ()
    ends: Mapping[str, int] = field(default_factory=dict)
    copies: Mapping[int, tuple[Setting, ...]] = field(default_factory=dict)
    jobs: int = 1
    work: Mapping[str, int] = field(default_factory=dict)


NO_BUILDS = Builds()

_ROW = 150
"""Bytes that are read in the time in which a row is sorted (PostgreSQL 18, numbers)."""


def work_of(size: int, rows: int) -> int:
    """How long a build of a table of so many bytes and rows takes beside others: in bytes that are read."""
    return size + _ROW * rows


class BuildReader(Protocol):
    """Gathers what may be a build, in one pass over a dump."""

    def take(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        ...

    def read(self, rewriter: Rewriter) -> Builds:
        """The builds, as a rewriter of their own makes them; called after the last piece."""
        ...


class NoBuilds:
    """The `BuildReader` of dumps that make their indexes with their tables."""

    def take(self, piece: Piece) -> None:
        """Looks at nothing."""

    def read(self, rewriter: Rewriter) -> Builds:  # noqa: ARG002 - as the other dialect has it
        """None."""
        return NO_BUILDS
