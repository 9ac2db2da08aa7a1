"""One PostgreSQL server: asked through one connection, and through further ones for each database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import psycopg

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.engines.engine import DumpPlan, Lack, Wanted
from python_backup.engines.parts import Keeping, LaterKeys, NoLaterKeys, PartsPlan
from python_backup.engines.postgresql import connection, dump, health, holding, inventory, rights, survey
from python_backup.engines.postgresql.connection import converting, database_name, identifier, query, text
from python_backup.engines.postgresql.create import attempts
from python_backup.engines.postgresql.entering import DOORS, enter
from python_backup.engines.postgresql.names import check_length
from python_backup.engines.postgresql.tools import Tool, Toolbox
from python_backup.engines.program import Client
from python_backup.engines.replacing import Swap
from python_backup.errors import ServerError, StatementFailed, TargetExists
from python_backup.instance import Dbms, Instance, Limits
from python_backup.late import late
from python_backup.model import Check, Scope

if TYPE_CHECKING:
    from python_backup.dump.dialect import SourceDatabase
    from python_backup.dump.piece import Piece
    from python_backup.engines.finding import Finding
    from python_backup.engines.merged import How, Merged
    from python_backup.engines.postgresql import (
        keeping,
        load,
        merge,
        outlook,
        owning,
        parts,
        takeover,
        target,
    )
else:
    keeping, load, merge, outlook, owning, parts, takeover, target = late(
        __package__, "keeping load merge outlook owning parts takeover target"
    )

OWN = ("template0", "template1", "postgres", "rdsadmin", "cloudsqladmin", "azure_maintenance", "azure_sys")
"""Databases that belong to the server or to its host, not to users."""

LOGIN_TRIGGERS = 17
"""The first version with event triggers on login, and with a setting that fires none."""

Result = TypeVar("Result")


class PostgresServer:
    """The `Server` of PostgreSQL 13 and later."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._toolbox = Toolbox(instance.tools)
        self._held: str | None = None
        self._door = enter(instance)
        version = self._door.pgconn.parameter_status(b"server_version") or b""
        self._version = text(version).partition(" ")[0]

    @property
    def version(self) -> str:
        """The server's version: ``15.18``, ``18beta1``."""
        return self._version

    @property
    def _major(self) -> int:
        return connection.major(self._version)

    def identity(self) -> str:
        """The cluster's own mark, which its standbys share, and what tells those from it."""
        [row] = self._ask(
            b"SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system())::text,"
            b" pg_catalog.current_setting('port'), pg_catalog.pg_is_in_recovery()::text"
        )
        return " ".join(text(value or b"") for value in row)

    def databases(self) -> tuple[str, ...]:
        """The databases that users made and that let themselves be connected to, sorted."""
        rows = self._ask(
            b"SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2"
        )
        return tuple(sorted({text(name) for (name,) in rows} - set(OWN)))

    def exists(self, database: str) -> bool:
        """Whether there is such a database."""
        return any(
            text(name) == database for (name,) in self._ask(b"SELECT datname FROM pg_catalog.pg_database")
        )

    def size(self, database: str) -> int:
        """The bytes of the database's files."""
        [(size,)] = self._ask(b"SELECT pg_catalog.pg_database_size($1::name)", database_name(database))
        return int(size or 0)

    def lacks(self, database: str) -> tuple[Lack, ...]:
        """What would be missing in a dump by this account, or make it fail; each with its remedy."""
        return self._barred(database) or self._within(database, rights.lacks)

    def _barred(self, database: str) -> tuple[Lack, ...]:
        [(user, allowed)] = self._ask(
            b"SELECT current_user, pg_catalog.has_database_privilege($1::name, 'CONNECT')",
            database_name(database),
        )
        return () if allowed == b"t" else (rights.barred(database_name(database), user or b""),)

    def surveyed(self, database: str) -> tuple[tuple[Lack, ...], Mapping[str, tuple[str, ...]]]:
        """Both `lacks` and `expected`, over one connection."""
        barred, options = self._barred(database), self._instance.options
        return self._within(
            database, lambda link: (barred or rights.lacks(link), inventory.expected(link, options))
        )

    def expected(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """The objects that a dump should hold."""
        return self._within(database, lambda link: inventory.expected(link, self._instance.options))

    def restore_problems(self, wanted: Wanted) -> tuple[Finding, ...]:
        """What this server and account lack for a restore."""
        self._ask(b"SELECT 1")  # a connection that was lost while the dump was read is made anew
        with converting(f"server of instance {self._instance.label} cannot be asked"):
            found = outlook.look(self._door, self._instance, self._major, wanted)
        if not wanted.replaces:
            return found
        return found + self._within(wanted.target, lambda link: outlook.lost_grants(link, wanted))

    def plan_dump(self, database: str, limits: Limits) -> DumpPlan:
        """Chooses pg_dump and its options for this database."""
        return dump.plan(dump.Request(self._instance, database, self._major, limits), self._toolbox)

    def plan_parts(self, database: str, limits: Limits, jobs: int, lock: Scope) -> PartsPlan:  # noqa: ARG002 - it needs none
        """How this database is read over several connections under one snapshot."""
        request = dump.Request(self._instance, database, self._major, limits)
        return parts.plan(request, self._toolbox, jobs)

    def client(self) -> Client:
        """The pg_dump that fits this server."""
        return client_of(self._toolbox.choose("pg_dump", self._major))

    def clock(self) -> datetime:
        """The server's time."""
        [(seconds,)] = self._ask(b"SELECT extract(epoch FROM pg_catalog.clock_timestamp())")
        return datetime.fromtimestamp(float(text(seconds)), UTC)

    def ping(self) -> None:
        """Runs SELECT 1."""
        self._ask(b"SELECT 1")

    @property
    def account(self) -> str:
        """The account as SQL names it."""
        [(name,)] = self._ask(b"SELECT pg_catalog.quote_ident(current_user)")
        return text(name)

    def health(self) -> Iterator[Check]:
        """What the server tells of itself."""
        self._ask(b"SELECT 1")  # a connection that was lost is made anew
        with converting(f"server of instance {self._instance.label} cannot be asked"):
            yield from health.Look(self._door).of_server()

    def database_health(self, database: str) -> Iterator[Check]:
        """What a dump of this database may lack, whatever the account may do."""
        yield from self._within(database, lambda link: tuple(health.Look(link).of_database()))

    def target(self, database: str) -> object:
        """What the rewriter must know of this server and account."""
        with converting("what the server knows cannot be read"):
            return target.known(self._door, database)

    def create(self, database: str, like: SourceDatabase | None) -> tuple[str, ...]:
        """Makes an empty database like the dump's; a locale that is not here is replaced, and told."""
        check_length(database)
        name = database_name(database)
        failed: psycopg.Error | None = None
        for attempt in attempts({} if like is None else like.properties, self._major):
            try:
                self._run(
                    b"CREATE DATABASE " + identifier(name) + b" WITH TEMPLATE template0" + attempt.options
                )
            except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError) as exc:
                if isinstance(exc, psycopg.errors.DuplicateDatabase):
                    raise TargetExists(f"database {database!r} exists") from exc
                if exc.sqlstate == "42501":
                    raise self._unmade(database, exc) from exc
                failed = failed or exc
                continue
            except psycopg.Error as exc:
                raise self._unmade(database, exc) from exc
            warning = f"{attempt.replaced}: {failed.diag.message_primary}" if failed else attempt.replaced
            return (warning,) if warning else ()
        assert failed is not None, "there is always an attempt"
        raise self._unmade(database, failed) from failed

    def _unmade(self, database: str, exc: psycopg.Error) -> Exception:
        hint = f'Let the account make databases: ALTER ROLE "{self._instance.account}" CREATEDB.'
        return connection.converted(
            exc, f"database {database!r} cannot be made", hint if exc.sqlstate == "42501" else None
        )

    def drop(self, database: str) -> None:
        """Drops the database if it is there; sessions in it are ended."""
        hint = "Only its owner or a superuser may; subscriptions and prepared transactions in it go first."
        with converting(f"database {database!r} cannot be dropped", hint):
            self._run(b"DROP DATABASE IF EXISTS " + identifier(database_name(database)) + b" WITH (FORCE)")

    def sessions(self, database: str) -> tuple[str, ...]:
        """Who else is connected to the database, and its prepared transactions, one line each."""
        return takeover.lines(self._ask(takeover.SESSIONS, database_name(database)))

    def take_over(self, swap: Swap) -> tuple[str, ...]:
        """Renames both databases, and carries what belongs to the database, in one transaction."""
        for name in filter(None, (swap.target, swap.before)):
            check_length(name)
        names = {swap.fresh, swap.target}
        if names.intersection(DOORS) and self._held != swap.target:
            self._door.close()  # it is made anew when it is next needed
        return takeover.take_over(swap, lambda: enter(self._instance, without=names))

    def hold(self, target: str) -> None:
        """Takes the lock of the target's name, through a door that the target is not."""
        self._held = target
        if target in DOORS:
            self._door.close()
            self._door = self._entered()
        else:
            holding.hold(self._door, target)

    def unfinished(self, target: str) -> str | None:
        """Nothing ever: what a killed run began, the server rolls back."""
        del target
        return None

    def settle(self, target: str) -> str:
        """Says that there is nothing to end."""
        return f"nothing is unfinished: the server itself undoes what was begun on {target!r}"

    def unreturnable(self, database: str) -> tuple[str, ...]:
        """Nothing ever: a server takes what was dumped of it."""
        del database
        return ()

    def grants(self, database: str) -> tuple[str, ...]:
        """None: they come with the contents, of which only a safety backup has them."""
        del database
        return ()

    def unmovable(self, database: str) -> tuple[str, ...]:
        """Nothing ever: a database is renamed with all that it holds."""
        del database
        return ()

    def empty(self, database: str, told: str, *, disconnect: bool) -> None:
        """Never called: see `unmovable`."""
        raise AssertionError(f"{database!r} can be renamed: {told}, {disconnect}")

    def filled(self, database: str, grants: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Never called: see `unmovable`."""
        raise AssertionError(f"{database!r} was never emptied: {grants}")

    def half_filled(self, database: str) -> str | None:
        """Nothing ever: see `unmovable`."""
        del database
        return None

    def load(
        self, database: str, pieces: Iterable[Piece], *, complete: bool, builds: Builds = NO_BUILDS
    ) -> None:
        """Sends the pieces; with ``complete`` and without builds in one transaction."""
        load.load_over(lambda: self._opened(database), pieces, builds, complete=complete)

    def keeping(self, database: str) -> Keeping:
        """The database as one that keeps what is loaded of its parts."""
        return keeping.PostgresKeeping(lambda: self._opened(database))

    def later_keys(self, database: str) -> LaterKeys:  # noqa: ARG002 - as the other engine has it
        """None: see `Builds`."""
        return NoLaterKeys()

    def give(self, database: str, owner: str) -> None:
        """Makes the role the owner of all that the account made there."""
        with self._opened(database) as link:
            owning.give(link, owner)

    def merge(self, database: str, pieces: Iterable[Piece], how: How) -> tuple[Merged, ...]:
        """Merges the pieces' rows into tables that are there, in one transaction."""
        with _merging(database), self._opened(database) as link:
            link.execute(f"SET lock_timeout TO {round(1000 * (self._instance.limits.lock or 0))}".encode())
            return merge.merge(link, pieces, how)

    def rehearse_merge(self, database: str, pieces: Iterable[Piece], how: How) -> None:
        """Looks at the tables alone."""
        with _merging(database), self._opened(database) as link:
            merge.rehearse(link, pieces, how)

    def answer(self, database: str, sql: str) -> tuple[tuple[str | None, ...], ...]:
        """The query's rows in PostgreSQL's own text."""
        try:
            rows = self._within(database, lambda link: query(link, sql.encode()))
        except ServerError as exc:
            raise StatementFailed(f"{sql}: {exc.message}") from exc
        return tuple(tuple(None if value is None else text(value) for value in row) for row in rows)

    def counts(self, database: str, filled: AbstractSet[str] = frozenset()) -> Mapping[str, int]:
        """The exact rows of every table that a dump holds data of, over several connections."""
        with converting(f"tables of {database!r} cannot be counted", rights.READ_HINT):
            return survey.counts(lambda: self._opened(database), filled)

    def objects(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """The objects by kind, by the names that the dump's reader gives them."""
        return self._within(database, survey.objects)

    def implied(self, database: str) -> Mapping[str, AbstractSet[str]]:  # noqa: ARG002 - as the other engine has it
        """None: pg_dump names everything."""
        return {}

    def sequences(self, database: str) -> Mapping[str, int]:
        """The value of each sequence as a dump would set it."""
        return self._within(database, survey.sequences)

    def close(self) -> None:
        """Ends the connection."""
        self._door.close()

    def _within(self, database: str, ask: Callable[[psycopg.Connection], Result]) -> Result:
        doing = f"database {database!r} cannot be read"
        with converting(doing, rights.READ_HINT), self._opened(database) as link:
            return ask(link)

    @contextmanager
    def _opened(self, database: str) -> Iterator[psycopg.Connection]:
        """A connection to the database that fires none of its event triggers, where the account may say so.

        One on login (17 and later) would write into a database that is just being compared.
        """
        silent = (
            self._major >= LOGIN_TRIGGERS and self._door.pgconn.parameter_status(b"is_superuser") == b"on"
        )
        options = "-c event_triggers=off" if silent else ""
        with closing(connection.connect(self._instance, database, options)) as link:
            yield link

    def _ask(self, sql: bytes, *values: bytes) -> list[connection.Row]:
        """Asks the server itself; a connection that was lost while idle is made anew, once."""
        with converting(f"server of instance {self._instance.label} cannot be asked"):
            try:
                return query(self._door, sql, *values)
            except psycopg.OperationalError:
                if not self._door.closed:
                    raise
                self._door = self._entered()
                return query(self._door, sql, *values)

    def _entered(self) -> psycopg.Connection:
        """The door made anew, with the lock that it had."""
        if self._held is None:
            return enter(self._instance)
        door = enter(self._instance, without={self._held})
        try:
            holding.hold(door, self._held)
        except BaseException:
            door.close()
            raise
        return door

    def _run(self, sql: bytes) -> None:
        if self._door.closed or not _alive(self._door):
            self._door = self._entered()
        query(self._door, sql)


def _merging(database: str) -> AbstractContextManager[None]:
    return converting(f"rows cannot be merged into {database!r}")


def client_of(tool: Tool) -> Client:
    """A program as others see it."""
    return Client("pg_dump", Dbms.POSTGRESQL, tool.version, tool.number, tool.argv)


def _alive(link: psycopg.Connection) -> bool:
    try:
        query(link, b"SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
