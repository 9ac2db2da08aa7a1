"""What each engine's dump text needs: one `Dialect` for MySQL and MariaDB, one for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from python_backup.dump.builds import BuildReader
from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.facts import ObjectReader
from python_backup.dump.needs import NeedsReader
from python_backup.dump.pick import Held, Pick
from python_backup.dump.piece import Lexer, Piece
from python_backup.dump.rowwise import ShapeReader
from python_backup.dump.statements import StatementReader


@dataclass(frozen=True, slots=True)
class SourceDatabase:
    """One database that a dump holds, and what the dump says of making it.

    ``properties`` has the dump's own words by name. PostgreSQL: ``encoding``, ``locale``,
    ``lc_collate``, ``lc_ctype``, ``locale_provider``, ``icu_locale``, ``builtin_locale``;
    MySQL: ``charset``, ``collation``.
    """

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of a dump tell. ``family`` is ``mysql`` or ``postgresql``.

    ``tool`` is ``mysqldump``, ``mariadb-dump``, ``pg_dump`` or ``pg_dumpall``, and None where the
    dump was written by something else: then `Lexer.complete` proves nothing.
    """

    family: str
    tool: str | None
    server_version: str | None
    database: str | None


class Selector(Protocol):
    """Passes on one database's pieces out of a dump, and learns which databases the dump holds.

    Made with the wanted database's name, or None to pass on everything. What stands before the
    first database (session settings) is always passed on; what belongs to no database (roles) is
    passed on only without a name.
    """

    def select(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The chosen pieces, unchanged, in order."""
        ...

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The databases seen so far, in the dump's order; none for a dump that names none."""
        ...


class Guard(Protocol):
    """Refuses what could run a program or reach outside the target database."""

    def check(self, piece: Piece) -> None:
        """Looks at one piece, in order.

        Raises:
            UnsafeDump: with the statement's line and what it would do.
        """
        ...


class StandIns(Protocol):
    """Makes local tables of those that are elsewhere, and leaves out which servers they are on.

    Stands before the guard and before the rewriter: both get what the server will get.
    """

    def replaced(self, piece: Piece) -> Piece | None:
        """The piece, what makes a stand-in instead, or None where nothing is left of it."""
        ...


class Rewriter(Protocol):
    """Changes statements so that they fit the target; data is passed on untouched."""

    def rewrite(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """What the target is to get, in order; every change was added to the `Changes`."""
        ...


class Picker(Protocol):
    """Passes on the picked tables and what belongs to them; stands behind the selector and the guard."""

    def pick(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The picked pieces, in order; called again and again with the pieces of one dump."""
        ...

    def passes_over(self, held: Held) -> bool:
        """Whether nothing of this is picked, now that all before it was seen: it need not come.

        Its tables count as not picked then.
        """
        ...

    def finish(self) -> None:
        """Call it at the end of the dump.

        Raises:
            UsageError: a pattern took nothing; the hint names what the dump holds.
        """
        ...


class Bridge(Protocol):
    """Gathers, in one pass over a dump, what no rewriting makes fit for every server."""

    def take(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        ...

    def unbridgeable(self, target: Any, choices: Choices) -> tuple[str, ...]:
        """Why some of the dump cannot be restored there, each with its line; none where all of it can.

        ``target`` is the dialect's own ``Target``.
        """
        ...


class Dialect(Protocol):
    """One engine family's dump text."""

    @property
    def family(self) -> str:
        """``mysql`` or ``postgresql``."""
        ...

    def lexer(self) -> Lexer:
        """A new lexer for one stream."""
        ...

    def objects(self) -> ObjectReader:
        """A new reader of created objects for one stream (it may follow ``SET search_path``)."""
        ...

    def statements(self, source: str | None) -> StatementReader:
        """A new reader of what makes one stream's objects; ``source`` is the database it is of."""
        ...

    def shapes(self) -> ShapeReader:
        """A new reader of how one stream's tables and their rows are made up."""
        ...

    def needs(self) -> NeedsReader:
        """A new reader of what one stream's statements ask of the server."""
        ...

    def selector(self, source: str | None) -> Selector:
        """A new selector for one stream."""
        ...

    def guard(self, source: str | None, *, events: bool = True) -> Guard:
        """A new guard for one stream; ``source`` is the one database the dump may name.

        ``events``: whether the events that it makes will run.
        """
        ...

    def stand_ins(self, changes: Changes) -> StandIns:
        """A new replacer of what is elsewhere, for one stream."""
        ...

    def picker(self, pick: Pick, changes: Changes) -> Picker:
        """A new picker for one stream.

        Raises:
            UsageError: the engine has nothing that the pick asks for (schemas in MySQL).
        """
        ...

    def rewriter(
        self, source: str | None, target: Any, changes: Changes, choices: Choices = AS_THE_DUMP
    ) -> Rewriter:
        """A new rewriter for one stream; ``target`` is the dialect's own ``Target``."""
        ...

    def builds(self) -> BuildReader:
        """A new reader of what is made of tables when their rows are in."""
        ...

    def bridge(self, source: str | None) -> Bridge:
        """A new judge of what some servers cannot hold, for one stream."""
        ...
