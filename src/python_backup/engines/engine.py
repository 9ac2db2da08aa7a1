"""What the jobs ask of a database engine; `mysql/` and `postgresql/` answer, file by same-named file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.engines.parts import PartsServer
from python_backup.engines.replacing import ReplacingServer
from python_backup.instance import Busy, Dbms, Instance, Limits, Tools
from python_backup.model import Check, Facts

if TYPE_CHECKING:  # a backup needs nothing of these
    from python_backup.dump.dialect import Dialect, SourceDatabase
    from python_backup.dump.needs import Needs
    from python_backup.dump.piece import Piece
    from python_backup.engines.finding import Finding
    from python_backup.engines.merged import How, Merged
    from python_backup.engines.program import Client, Image, Recipe, ServerProgram


@dataclass(slots=True)
class DumpStream:
    """A running dump. ``errors`` and ``warnings`` are filled in when ``blocks`` has ended well.

    ``blocks`` raises `ToolFailed` when the tool failed; an error that the tool survived (the dump
    lacks something, but was written to its end) is in ``errors`` instead. ``passing``: a later try
    may have none of these errors. ``forgive`` takes the seconds of the reader's own pauses off its timeout.
    ``end`` ends the tool, in any thread: then ``blocks`` raises, also while it waits for some.
    """

    blocks: Iterator[bytes]
    errors: list[str]
    warnings: list[str]
    passing: bool = False
    forgive: Callable[[float], None] = lambda _: None
    end: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class DumpPlan:
    """How one database would be dumped.

    ``command`` is what is run, without secrets, as it is shown and kept in the manifest.
    ``start`` makes the private files, starts the tool, and removes and ends all of it on exit.
    """

    client: str
    client_version: str
    command: tuple[str, ...]
    start: Callable[[], AbstractContextManager[DumpStream]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a restore will ask of a server.

    ``names`` are the databases that it makes, the target among them. ``version`` is the dump's
    server's, where it is known. ``size`` is how many bytes of rows are to be stored; ``freed`` those
    of the target that go before.
    """

    target: str
    names: tuple[str, ...]
    replaces: bool
    like: SourceDatabase | None
    version: str | None
    facts: Facts
    needs: Needs
    size: int = 0
    freed: int = 0


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that the account may not see or read, so that a dump fails, or lacks it.

    ``kind`` is a kind of `model.Facts.objects`, ``database``, ``rows`` (of a table's, hidden by
    row-level security), ``unlogged_tables`` (on a standby) or another plural word. ``remedy`` is SQL
    that an administrator can run. ``silent``: the dump tool says nothing of it, and ends well all the same.
    """

    kind: str
    what: str
    remedy: str
    silent: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the way to a server goes: each step that was made; the caller closes the ``server``."""

    steps: tuple[Check, ...]
    server: Server | None = None


class Server(PartsServer, ReplacingServer, Protocol):
    """A connection to one instance. Databases are named as they are, never quoted.

    Every method raises `ConnectionFailed` when the connection is lost and `NotPermitted` when a
    right is missing.
    """

    @property
    def version(self) -> str:
        """The server's version in its own words: ``15.18``, ``10.11.19-MariaDB``, ``9.7.4``."""
        ...

    def identity(self) -> str:
        """What tells this server from every other, whatever the address it was reached by."""
        ...

    def databases(self) -> tuple[str, ...]:
        """The databases that are not the engine's own, sorted."""
        ...

    def exists(self, database: str) -> bool:
        """Whether there is such a database (the engine's own included)."""
        ...

    def size(self, database: str) -> int:
        """The server's own estimate of the database's bytes."""
        ...

    def lacks(self, database: str) -> tuple[Lack, ...]:
        """What the account may not see or do, so that a dump would fail or lack it; each with its GRANT.

        What the instance's own options leave out is none.
        """
        ...

    def surveyed(self, database: str) -> tuple[tuple[Lack, ...], Mapping[str, tuple[str, ...]]]:
        """Both `lacks` and `expected`, over one connection."""
        ...

    def expected(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """Those of `objects` that a dump should hold: all but what the instance's own options leave out.

        What the options choose by patterns alone the dump tool can tell, so all is left out then.
        """
        ...

    def unreturnable(self, database: str) -> tuple[str, ...]:
        """What this server holds there and takes from no dump: no safety backup brings it back."""
        ...

    def grants(self, database: str) -> tuple[str, ...]:
        """Statements that give again the rights which go when what they are on is dropped and made anew."""
        ...

    def restore_problems(self, wanted: Wanted) -> tuple[Finding, ...]:
        """What this server and account lack for a restore, or would make otherwise; changes nothing."""
        ...

    def plan_dump(self, database: str, limits: Limits) -> DumpPlan:
        """Chooses the client program and its options; runs at most ``--version`` and ``--help``.

        The limits are the instance's, of whose ``timeout`` earlier tries may have taken a part.

        Raises:
            ToolMissing: no program on this machine fits the server.
        """
        ...

    def client(self) -> Client:
        """The program that a dump would be made with; raises as `plan_dump`."""
        ...

    def clock(self) -> datetime:
        """The server's time."""
        ...

    def health(self) -> Iterator[Check]:
        """What the server itself tells that a backup or restore should know; changes nothing."""
        ...

    def database_health(self, database: str) -> Iterator[Check]:
        """The same of one database, but for rights: `lacks` tells of them."""
        ...

    def target(self, database: str) -> Any:
        """The dialect's ``Target``: what this server and account know, for the rewriter."""
        ...

    def create(self, database: str, like: SourceDatabase | None) -> tuple[str, ...]:
        """Makes an empty database as the dump says; returns warnings (a locale that is not here)."""
        ...

    def drop(self, database: str) -> None:
        """Drops the database and ends its sessions."""
        ...

    def sessions(self, database: str) -> tuple[str, ...]:
        """Who else is connected to the database, one line each: account, program, from where, since when."""
        ...

    def load(
        self, database: str, pieces: Iterable[Piece], *, complete: bool, builds: Builds = NO_BUILDS
    ) -> None:
        """Sends the pieces to the server; ``complete``: a whole database. ``builds`` may be begun early.

        Raises:
            StatementFailed: with the statement's start, its line and code, no row data.
        """
        ...

    def give(self, database: str, owner: str) -> None:
        """Makes a role the owner of all that was loaded, where the dump names none (PostgreSQL)."""
        ...

    def merge(self, database: str, pieces: Iterable[Piece], how: How) -> tuple[Merged, ...]:
        """Merges the pieces' rows into tables that are there, by primary key, all or nothing.

        Definitions in the pieces are read, and not run. Tables come sorted by name.

        Raises:
            Refused: a table, a column or a key is not there; a table's engine has no transactions.
            StatementFailed: the server refused a row, and nothing was changed.
        """
        ...

    def rehearse_merge(self, database: str, pieces: Iterable[Piece], how: How) -> None:
        """Looks at the tables that `merge` would fill, and reads the pieces; no row is sent.

        Raises:
            Refused: as `merge` would.
        """
        ...

    def counts(self, database: str, filled: AbstractSet[str] = frozenset()) -> Mapping[str, int]:
        """Exact row counts by `model.label`, as a dump has them that holds rows of the tables ``filled``.

        Rows of a partition that is none of these are counted as those of its partitioned table, if that is.
        """
        ...

    def objects(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """The objects by kind, as `model.Facts.objects` has them; kinds without objects are left out."""
        ...

    def implied(self, database: str) -> Mapping[str, AbstractSet[str]]:
        """The objects that the server may have made and named by itself, by kind: a check without a name."""
        ...

    def sequences(self, database: str) -> Mapping[str, int]:
        """The value of each sequence, as `model.Facts.sequences` has them."""
        ...

    def answer(self, database: str, sql: str) -> tuple[tuple[str | None, ...], ...]:
        """A query's rows in this database, every value as text, None for NULL.

        Raises:
            StatementFailed: the server refused it.
        """
        ...

    def close(self) -> None:
        """Ends the connection; it is not used after."""
        ...


class Engine(Protocol):
    """One engine family."""

    @property
    def dialect(self) -> Dialect:
        """Its dump text."""
        ...

    def fits(self, name: str) -> bool:
        """Whether the engine takes a database name of this length."""
        ...

    def owns(self, name: str) -> bool:
        """Whether this is one of the server's own databases, which no restore may make or replace."""
        ...

    @property
    def default_port(self) -> int:
        """The port that the config leaves out."""
        ...

    def programs(self, places: Iterable[Path]) -> tuple[ServerProgram, ...]:
        """The server programs of this machine, each version once; those in ``places`` go before others."""
        ...

    def recipe(self, program: ServerProgram, folder: Path, password: str) -> Recipe:
        """How to make a throw-away server in an empty folder, reached by a socket in it alone.

        ``password`` is of letters and digits.
        """
        ...

    def contained(self, image: Image, folder: Path, password: str) -> Recipe:
        """The same in a container of this image, without network; its socket is in a shared folder."""
        ...

    def connect(self, instance: Instance) -> Server:
        """Connects to the instance's server.

        Raises:
            ConnectionFailed: with host, port or socket and the driver's reason.
            NotPermitted: the login was refused.
        """
        ...

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks that its servers' ``health`` and ``database_health`` make."""
        ...

    def gauge(self, instance: Instance) -> AbstractContextManager[Callable[[], Busy]]:
        """Asks a server how busy it is, as often as called, over a connection of its own."""
        ...

    def reach(self, instance: Instance) -> Reached:
        """Goes the way to the server step by step, up to the first that fails."""
        ...

    def clients(self, tools: Tools, family: Dbms) -> tuple[Client, ...]:
        """Every dump program of the engine that can be run; ``family`` decides whose names go first."""
        ...
