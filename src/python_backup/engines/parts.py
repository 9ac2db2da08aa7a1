"""What the jobs ask of an engine for a backup in parts: one snapshot of one database, read side by side.

The parts, joined in their order, are one dump, as a dump tool would write it: what stands before the rows,
the rows, what comes after them. Each part is plain SQL that a stock client runs by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.instance import Limits
from python_backup.model import PartKind, Scope

if TYPE_CHECKING:
    from python_backup.dump.piece import Piece


@dataclass(frozen=True, slots=True)
class PartPlan:
    """One part that is to be read. ``table`` and ``range`` are `model.Part`'s; ``weight`` is about its bytes.

    A part without a table may hold statements that count as facts; parts with one hold rows, and settings.
    """

    kind: PartKind
    table: str = ""
    range: str = ""
    weight: int = 0


class PartsSource(Protocol):
    """A database's parts under one snapshot. ``errors`` and ``warnings`` are whole when all parts were read.

    What they say is what `engine.DumpStream`'s say, and ``passing`` too.
    """

    @property
    def parts(self) -> tuple[PartPlan, ...]:
        """All parts, in the order in which they make one dump; ranges of one table follow each other."""
        ...

    @property
    def lanes(self) -> int:
        """How many parts can be read at once: as many as were asked for, or as the server has connections."""
        ...

    @property
    def errors(self) -> tuple[str, ...]:
        """What may be missing."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is good to know: how long a lock was held."""
        ...

    @property
    def passing(self) -> bool:
        """Whether a later try may have none of the errors."""
        ...

    def read(self, part: PartPlan, lane: int) -> AbstractContextManager[Iterator[Piece]]:
        """The part's pieces, whose joined texts are its SQL; called in a thread of the lane's own (from 0).

        A lane reads one part after the other. Rows come as they are digested, uncounted lines and all: a
        piece's ``line`` means nothing here.

        Raises:
            ServerError, ToolFailed: the part is not whole.
        """
        ...

    def stop(self) -> None:
        """Ends what all lanes are doing: what they read raises soon. May be called in any thread."""
        ...


@dataclass(frozen=True, slots=True)
class PartsPlan:
    """How one database would be backed up in parts; as `engine.DumpPlan`.

    ``restoring`` says how stock tools restore it, run in the backup's folder: the text of RESTORE.txt.
    """

    client: str
    client_version: str
    command: tuple[str, ...]
    restoring: str
    start: Callable[[], AbstractContextManager[PartsSource]]


@dataclass(frozen=True, slots=True)
class Done:
    """How far a file was loaded: up to a line, with some of the statements behind it, or ``whole``.

    ``built`` is the line up to which what is a `Build` was made, too.
    """

    whole: bool = False
    line: int = 0
    built: int = 0
    lines: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Later:
    """A table some keys of which come after its rows; ``definition`` is what the server is to show then."""

    table: str
    definition: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What an unfinished database says of the backup in parts that it is being filled from.

    ``of`` and ``later`` are what `Keeping.begin` was told. ``files`` has those that were begun, by the names
    that `Keeping.load` was given.
    """

    of: str
    files: Mapping[str, Done] = field(default_factory=dict)
    later: tuple[Later, ...] = ()

    def done(self, file: str) -> Done:
        """How far this file was loaded."""
        return self.files.get(file, Done())


class Keeping(Protocol):
    """A database that is being filled from parts, and says in itself which of them are in.

    What it says is written in the transactions that write the rows: it is true at every moment, however
    the run ends, and whether or not the server does with it. Its own table belongs to no contents.
    """

    def record(self) -> Record | None:
        """What it says; None where `begin` was never called."""
        ...

    def alone(self) -> None:
        """Ends the sessions that are in it, and waits until what they began is over or undone."""
        ...

    def begin(self, of: str, later: tuple[Later, ...] = ()) -> None:
        """Keeps what is loaded from now on. What stands before the rows is in, but for what comes later."""
        ...

    def load(self, file: str, pieces: Iterable[Piece], done: Done, builds: Builds = NO_BUILDS) -> None:
        """As `Server.load`, but for what was done before; ``file`` is of ASCII characters, at most 255.

        May be called in several threads at once.
        """
        ...

    def clear(self) -> None:
        """Takes away what was made of what comes after the rows, but for what the record has of it."""
        ...

    def end(self) -> None:
        """Everything is in: it says nothing any more."""
        ...


class LaterKeys(Protocol):
    """Keys that dumps make with their tables, and that are made faster when the rows are in."""

    def take_off(self, sizes: Mapping[str, int]) -> tuple[Later, ...]:
        """Takes them off tables without rows, where nothing needs them before; the largest table first.

        ``sizes`` are the bytes that tables have in the dump, by their `model.label`.
        """
        ...

    def make(self, later: Later) -> None:
        """Makes those of a table that are not there; may be called in several threads at once."""
        ...

    def stop(self) -> None:
        """Ends what is being made: `make` raises soon. May be called in any thread."""
        ...


class NoLaterKeys:
    """The `LaterKeys` of engines whose dumps make keys after the rows by themselves."""

    def take_off(self, sizes: Mapping[str, int]) -> tuple[Later, ...]:  # noqa: ARG002 - as the other has it
        """None."""
        return ()

    def make(self, later: Later) -> None:
        """Never called."""
        raise AssertionError(f"{later.table} has all its keys")

    def stop(self) -> None:
        """Nothing is being made."""


class PartsServer(Protocol):
    """What a server is asked for of parts."""

    def keeping(self, database: str) -> Keeping:
        """A database that is being filled, as one that keeps what is loaded."""
        ...

    def later_keys(self, database: str) -> LaterKeys:
        """The keys of a database that is being filled."""
        ...

    def plan_parts(self, database: str, limits: Limits, jobs: int, lock: Scope) -> PartsPlan:
        """How the database is read side by side, over so many connections; as `Server.plan_dump`.

        ``lock`` is for servers without snapshots that several connections share.

        Raises:
            Refused: the instance's options, or the server, stand against it; the message says why.
            ToolMissing: no program on this machine fits the server.
        """
        ...
