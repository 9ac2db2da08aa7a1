"""A database that is being filled from parts says in a table of its own which of them are in.

Each line of it is written in the transaction that loads what it is about. An index that is built beside
the loading has a line of its own; where a load is parted into several transactions, each ends with the line
of the dump that it came to. So what was begun and not committed is not there, and is done again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import psycopg

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.engines.parts import Done, Later, Record
from python_backup.engines.postgresql import lanes, load
from python_backup.engines.postgresql.connection import converting, identifier, query, text
from python_backup.engines.postgresql.survey import KEEPING
from python_backup.errors import Refused

_PATIENCE = 60.0
_PULSE = 0.05

_TABLE = KEEPING.encode() + b".loaded"
_BEGIN = (
    b"BEGIN",
    b"CREATE SCHEMA " + KEEPING.encode(),
    b"CREATE TABLE " + _TABLE + b" (file text NOT NULL, line pg_catalog.int8 NOT NULL, how text NOT NULL)",
)
_NOTE = b"INSERT INTO " + _TABLE + b" (file, line, how) VALUES ($1, $2, $3)"
_READ = b"SELECT file, line, how FROM " + _TABLE
_THERE = b"SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1"
_END = b"DROP SCHEMA IF EXISTS " + KEEPING.encode() + b" CASCADE"

_WATCHING = b"SELECT evtname, evtenabled FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'"
_WAKE = {"O": b" ENABLE", "R": b" ENABLE REPLICA", "A": b" ENABLE ALWAYS"}
"""By pg_event_trigger.evtenabled."""

_OTHERS = b"""
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND usesysid IS NOT NULL
      AND pid <> pg_catalog.pg_backend_pid()"""

_SETTINGS = re.compile(rb"(?is)\s*(?:SET|RESET)\b|\s*SELECT\b.{,200}\bset_config\b")

_OF, _WHOLE, _ONE = "of", "whole", "one"
_UP_TO, _ALL_UP_TO = "up to", "all up to"
"""Without and with the builds, which are made beside the loading or by it."""


@dataclass(frozen=True, slots=True)
class PostgresKeeping:
    """See `python_backup.engines.parts.Keeping`; ``opened`` makes connections to the database."""

    opened: Callable[[], AbstractContextManager[psycopg.Connection]]

    def record(self) -> Record | None:
        """What the table says."""
        with self._asking() as link:
            if not query(link, _THERE, KEEPING.encode()):
                return None
            of, files = "", dict[str, Done]()
            for file, line, how in (tuple(map(text, row)) for row in query(link, _READ)):
                done = files.get(file, Done())
                if how == _OF:
                    of = file
                elif how == _WHOLE:
                    files[file] = replace(done, whole=True)
                elif how == _ONE:
                    files[file] = replace(done, lines=done.lines | {int(line)})
                else:
                    reached = max(done.line, int(line))
                    built = reached if how == _ALL_UP_TO else done.built
                    files[file] = replace(done, line=reached, built=built)
        return Record(of, files)

    def alone(self) -> None:
        """Ends the others; the server rolls back what they had not committed."""
        end = time.monotonic() + _PATIENCE
        with self._asking() as link:
            while query(link, _OTHERS):
                if time.monotonic() > end:
                    raise Refused("sessions of an earlier run in the unfinished database do not end")
                time.sleep(_PULSE)

    def begin(self, of: str, later: tuple[Later, ...] = ()) -> None:
        """Makes the table, in a schema of its own: the dump may have dropped or changed ``public``."""
        del later  # see `NoLaterKeys`
        with self._asking() as link:
            for sql in _BEGIN:
                query(link, sql)
            _note(link, of, 0, _OF)
            query(link, b"COMMIT")

    def load(self, file: str, pieces: Iterable[Piece], done: Done, builds: Builds = NO_BUILDS) -> None:
        """Sends what was not done before; the server learns with it that it is done."""
        left = replace(
            builds, found=tuple(b for b in builds.found if b.line > done.built and b.line not in done.lines)
        )
        rest = _rest(pieces, done, frozenset(build.line for build in left.found))
        made = partial(_built, file)
        with lanes.opened(self.opened, left, made) as aside, self.opened() as link:

            def ending(reached: int | None) -> None:
                if reached is None:
                    _note(link, file, 0, _WHOLE)
                else:
                    _note(link, file, reached, _UP_TO if aside is not None else _ALL_UP_TO)

            load.load(link, rest, complete=True, ending=ending, lanes=aside)

    def clear(self) -> None:
        """Leaves all: each statement that was done has its line."""

    def end(self) -> None:
        """Drops the table; the dump's own event triggers do not see it."""
        with self._asking() as link:
            query(link, b"BEGIN")
            awake = [(identifier(name or b""), text(how)) for name, how in query(link, _WATCHING)]
            for name, _ in awake:
                query(link, b"ALTER EVENT TRIGGER " + name + b" DISABLE")
            query(link, _END)
            for name, how in awake:
                query(link, b"ALTER EVENT TRIGGER " + name + _WAKE[how])
            query(link, b"COMMIT")

    @contextmanager
    def _asking(self) -> Iterator[psycopg.Connection]:
        with converting("what an unfinished database has of its parts cannot be told"), self.opened() as link:
            yield link


def _note(link: psycopg.Connection, file: str, line: int, how: str) -> None:
    query(link, _NOTE, file.encode(), str(line).encode(), how.encode())


def _built(file: str, link: psycopg.Connection, line: int) -> None:
    _note(link, file, line, _ONE)


def _rest(pieces: Iterable[Piece], done: Done, left: frozenset[int]) -> Iterator[Piece]:
    """The pieces but for what was done; settings come all, and ``left`` are builds that were not made."""
    passing = False
    for piece in pieces:
        match piece:
            case Statement():
                made = piece.line in done.lines or (piece.line <= done.line and piece.line not in left)
                if made and not _SETTINGS.match(piece.sql):
                    continue
            case DataBegin():
                passing = piece.line <= done.line
            case _:
                pass
        if not (passing and isinstance(piece, DataBegin | Rows | DataEnd)):
            yield piece
