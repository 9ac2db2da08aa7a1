"""One MySQL or MariaDB server, as the jobs see it: each question goes to the module that answers it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from python_backup.dump.builds import NO_BUILDS, Builds
from python_backup.engines.engine import DumpPlan, Lack, Wanted
from python_backup.engines.mysql import (
    dump,
    health,
    holding,
    inventory,
    losses,
    rights,
    survey,
    target,
)
from python_backup.engines.mysql.connection import Session, open_session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.tools import Tool, Toolbox
from python_backup.engines.parts import Keeping, LaterKeys, PartsPlan
from python_backup.engines.program import Client
from python_backup.engines.replacing import Swap
from python_backup.errors import NotPermitted, Refused, StatementFailed, ToolMissing
from python_backup.instance import Dbms, Instance, Limits
from python_backup.late import late
from python_backup.model import Check, Scope

if TYPE_CHECKING:
    from python_backup.dump.dialect import SourceDatabase
    from python_backup.dump.piece import Piece
    from python_backup.engines.finding import Finding
    from python_backup.engines.merged import How, Merged
    from python_backup.engines.mysql import (
        dropping,
        filling,
        grants,
        keeping,
        later,
        merge,
        outlook,
        parts,
        sessions,
        standing,
        takeover,
    )
else:
    dropping, filling, grants, keeping, later, merge, outlook, parts, sessions, standing, takeover = late(
        __package__, "dropping filling grants keeping later merge outlook parts sessions standing takeover"
    )

_LATER_END_OF_TIME = (11, 5, 0)
_HISTORY_FROM_DUMPS = (10, 11, 0)
"""The first that takes history from a dump (``system_versioning_insert_history``)."""


@dataclass(slots=True)
class MysqlServer:
    """A connection to one instance; `connect` makes it."""

    instance: Instance
    toolbox: Toolbox
    _link: Session
    _held: str | None = None

    @property
    def _session(self) -> Session:
        """The connection, made anew where it was lost meanwhile: one dump's mishap is not the next one's."""
        if self._link.revive() and self._held is not None:
            holding.hold(self._link, self._held)
        return self._link

    @property
    def version(self) -> str:
        """The server's version in its own words."""
        return self._link.version

    @property
    def flavour(self) -> Dbms:
        """Which of the two it is, whatever the config calls it."""
        return Dbms.MARIADB if survey.is_mariadb(self._link) else Dbms.MYSQL

    @property
    def number(self) -> tuple[int, int, int]:
        """The version as numbers: ``10.11.19-MariaDB`` is (10, 11, 19)."""
        found = re.match(r"(\d+)\.(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)

    def identity(self) -> str:
        """What tells this server from every other."""
        return survey.identity(self._session)

    def databases(self) -> tuple[str, ...]:
        """The databases that are not the engine's own, sorted."""
        return survey.databases(self._session)

    def exists(self, database: str) -> bool:
        """Whether there is such a database."""
        return survey.exists(self._session, database)

    def size(self, database: str) -> int:
        """The server's own estimate of the database's bytes."""
        return survey.size(self._session, database)

    def lacks(self, database: str) -> tuple[Lack, ...]:
        """The rights that the account lacks, each with what would be missing and the GRANT."""
        mariadb = self.flavour is Dbms.MARIADB
        account = rights.Account(
            target.quoted_account(target.current_account(self._session)), mariadb=mariadb
        )
        left = inventory.left_out(self.instance.options, database)
        return tuple(g for g in rights.lacks(self._session, database, account) if g.kind not in left.kinds)

    def surveyed(self, database: str) -> tuple[tuple[Lack, ...], Mapping[str, tuple[str, ...]]]:
        """Both `lacks` and `expected`."""
        return self.lacks(database), self.expected(database)

    def expected(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """The objects that a dump should hold."""
        return inventory.expected(self._session, database, self.instance.options)

    def restore_problems(self, wanted: Wanted) -> tuple[Finding, ...]:
        """What this server and account lack for a restore."""
        return outlook.look(self._session, self.instance, wanted)

    def plan_dump(self, database: str, limits: Limits) -> DumpPlan:
        """Chooses the program and its options for this server and this database's tables."""
        return dump.plan(self._job(database, limits, losses.find(self._session, database)))

    def _job(self, database: str, limits: Limits, lost: losses.Losses) -> dump.Job:
        history = lost.versioned and not lost.by_transaction
        if history and self.number < _HISTORY_FROM_DUMPS:
            history = bool(losses.histories(self._session, database))
        tool = self.toolbox.choose(self.flavour, self.number[:2], "dump-history" if history else None)
        warnings, lacks = list(lost.warnings), list(lost.lacks)
        if tool.family is not self.flavour:
            warnings.append(self._foreign(tool, database))
        if history and "dump-history" not in tool.options:
            history = False
            lacks.append(f"{tool.name} {tool.version} dumps no history of system-versioned tables")
        limit = int(self._session.value("SELECT @@GLOBAL.sql_select_limit"))
        further = dump.unlimited(tool, self.instance.options, limit)
        if lost.masking_hidden and "masking-policies" in tool.options:
            further += ("--skip-masking-policies",)
            warnings.append(
                "masking policies were not dumped: SELECT on mysql.column_masking_policy is missing"
            )
        return dump.Job(
            instance=self.instance,
            database=database,
            tool=tool,
            environment=self.toolbox.environment(),
            encrypted=self._link.encrypted,
            further=(("--dump-history",) if history else ()) + further,
            limits=limits,
            warnings=tuple(warnings),
            lacks=tuple(lacks),
        )

    def unreturnable(self, database: str) -> tuple[str, ...]:
        """The history of system-versioned tables before MariaDB 10.11, which its dumps never held."""
        if self.flavour is not Dbms.MARIADB or self.number >= _HISTORY_FROM_DUMPS:
            return ()
        if losses.find(self._session, database).by_transaction:
            return ()  # no dump has it, and each says so
        tables = losses.histories(self._session, database)
        why = f"MariaDB {self.version.partition('-')[0]} takes the history of no table from a dump"
        return (f"{why}: {', '.join(tables)}",) if tables else ()

    def grants(self, database: str) -> tuple[str, ...]:
        """Those on routines; rights on tables stay by the tables' names."""
        return grants.held(self._session, database)

    def plan_parts(self, database: str, limits: Limits, jobs: int, lock: Scope) -> PartsPlan:
        """How this database is read over several connections under one snapshot."""
        lost = replace(losses.find(self._session, database), float_columns=())
        job = self._job(database, limits, lost if lock is Scope.NONE else replace(lost, unprotected=()))
        if job.tool.family is not self.flavour:
            raise Refused(f"a {self.flavour} server is read in parts with its own dump program alone")
        return parts.plan(job, jobs, lock)

    def client(self) -> Client:
        """The dump program that fits this server."""
        return client_of(self.toolbox.choose(self.flavour, self.number[:2]))

    def clock(self) -> datetime:
        """The server's time."""
        microseconds = self._session.value("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)")
        return datetime.fromtimestamp(int(microseconds) / 1_000_000, UTC)

    def ping(self) -> None:
        """Runs SELECT 1."""
        self._link.value("SELECT 1")

    @property
    def account(self) -> str:
        """The account that the server took the login for: ``'backup'@'%'``."""
        return target.quoted_account(target.current_account(self._link))

    def secured(self) -> tuple[bytes | None, str]:
        """The server's certificate (DER) and the TLS version; none where nothing is encrypted."""
        return self._link.secured()

    def health(self) -> Iterator[Check]:
        """What the server tells of itself."""
        return health.Look(self._session).of_server()

    def database_health(self, database: str) -> Iterator[Check]:
        """What a dump of this database would not hold exactly."""
        return health.Look(self._session, database).of_database()

    def _foreign(self, tool: Tool, database: str) -> str:
        """The warning that the other family's program is used; `ToolMissing` where it does not serve."""
        who = f"{tool.name} {tool.version}"
        if losses.has_generated_columns(self._session, database):
            raise ToolMissing(
                f"no mysqldump for MySQL is on this machine; {who} writes values for the generated columns"
                f" of {database!r}, which MySQL does not take back",
                hint="Install mysql-client of MySQL's own apt repository, or name its folder in tools.path.",
            )
        return f"a {self.flavour} server was dumped by {who}: its own program was not found"

    def target(self, database: str) -> Any:
        """What the rewriter must know of this server and account."""
        return target.of(self._session, database)

    def create(self, database: str, like: SourceDatabase | None) -> tuple[str, ...]:
        """Makes an empty database with the dump's character set and collation, where they are known here."""
        choice = target.charset_of(like, target.collations(self._session))
        sql = f"CREATE DATABASE {quoted(database)} CHARACTER SET {choice.charset}"
        self._session.rows(sql + (f" COLLATE {choice.collation}" if choice.collation else ""))
        return choice.warnings

    def drop(self, database: str) -> None:
        """Ends the sessions that have it as their database, and drops it."""
        own = self._session.value("SELECT CONNECTION_ID()")
        for number, name in self._session.rows("SELECT id, db FROM information_schema.processlist"):
            if name == database and number != own:
                self._end_session(number)
        dropping.drop(self._session, database)

    def _end_session(self, number: int) -> None:
        try:
            self._session.rows(f"KILL {int(number)}")
        except (NotPermitted, StatementFailed):
            return  # gone by itself, or another account's: DROP DATABASE then waits for its locks

    def sessions(self, database: str) -> tuple[str, ...]:
        """Who else has the database as its own, one line each; other accounts' only with PROCESS."""
        own = sessions.number_of(self._session)
        return tuple(map(str, sessions.others(self._session, database, {own})))

    def take_over(self, swap: Swap) -> tuple[str, ...]:
        """Moves the tables and makes the rest anew; see `python_backup.engines.mysql.takeover`."""
        own = sessions.number_of(self._session)
        return takeover.take_over(lambda: open_session(self.instance), swap, takeover.Terms((own,)))

    def unfinished(self, target: str) -> str | None:
        """What a killed `take_over` left, or one that filled the target where it stands."""
        told = self.half_filled(target)
        if told == "":
            return "it was not there before, and the run was ended before it was filled"
        if told is not None:
            return f"it was emptied, and the run was ended before it was filled; what it held is in {told}"
        return takeover.unfinished(self._session, target)

    def unmovable(self, database: str) -> tuple[str, ...]:
        """Foreign keys of other databases, MERGE tables, libraries, a read-only database, an old server."""
        return standing.reasons(self._session, database)

    def empty(self, database: str, told: str, *, disconnect: bool) -> None:
        """Drops all that the database holds, over a session of its own."""
        own = (sessions.number_of(self._session),) if disconnect else None
        with closing(open_session(self.instance)) as session:
            standing.empty(session, database, told, own)

    def filled(self, database: str, grants: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Gives the rights again, wakes the events, and takes the mark away."""
        with closing(open_session(self.instance)) as session:
            return standing.filled(session, database, grants)

    def half_filled(self, database: str) -> str | None:
        """What `empty` was told."""
        return standing.half_filled(self._session, database)

    def settle(self, target: str) -> str:
        """Goes on with it, or undoes it."""
        if self.half_filled(target) == "":
            own = (sessions.number_of(self._session),)
            with closing(open_session(self.instance)) as session:
                return standing.unmake(session, target, own)
        return takeover.settle(lambda: open_session(self.instance), target)

    def hold(self, target: str) -> None:
        """Takes the lock of the target's name, anew when the connection was made anew."""
        holding.hold(self._session, target)
        self._held = target

    def load(
        self,
        database: str,
        pieces: Iterable[Piece],
        *,
        complete: bool,
        builds: Builds = NO_BUILDS,
    ) -> None:
        """Sends the pieces over sessions of their own, whose settings the dump may change."""
        del complete  # nothing is done otherwise for a part
        filling.Filling(self.instance, database, self._ends_later).load(pieces, builds.jobs)

    def keeping(self, database: str) -> Keeping:
        """The database as one that keeps what is loaded of its parts."""
        return keeping.MysqlKeeping(filling.Filling(self.instance, database, self._ends_later))

    def later_keys(self, database: str) -> LaterKeys:
        """The keys of its large tables that nothing needs before their rows."""
        return later.MysqlLaterKeys(lambda: open_session(self.instance, database), database)

    @property
    def _ends_later(self) -> bool:
        return self.flavour is Dbms.MARIADB and self.number >= _LATER_END_OF_TIME

    def give(self, database: str, owner: str) -> None:
        """Never called: nothing there has an owner."""
        raise AssertionError(f"{owner!r} cannot own {database!r}")

    def merge(self, database: str, pieces: Iterable[Piece], how: How) -> tuple[Merged, ...]:
        """Merges the pieces' rows into tables that are there, in one transaction."""
        with closing(open_session(self.instance)) as session, closing(open_session(self.instance)) as asked:
            if self.instance.limits.lock is not None:
                seconds = max(1, round(self.instance.limits.lock))
                session.rows(
                    f"SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
                )
            return merge.merge((session, asked), database, pieces, how)

    def rehearse_merge(self, database: str, pieces: Iterable[Piece], how: How) -> None:
        """Looks at the tables alone."""
        with closing(open_session(self.instance)) as asked:
            merge.rehearse(asked, database, pieces, how)

    def answer(self, database: str, sql: str) -> tuple[tuple[str | None, ...], ...]:
        """The query's rows; bytes are read as UTF-8."""
        with closing(open_session(self.instance, database)) as session:
            try:
                rows = session.rows(sql)
            except ServerSaid as exc:
                raise StatementFailed(f"{sql}: {exc.message}", hint=exc.hint) from exc
        return tuple(tuple(_as_text(value) for value in row) for row in rows)

    def counts(self, database: str, filled: AbstractSet[str] = frozenset()) -> Mapping[str, int]:  # noqa: ARG002 - as the other engine has it
        """Exact row counts over several connections; partitions are no tables."""
        return survey.counts(lambda: open_session(self.instance), database)

    def objects(self, database: str) -> Mapping[str, tuple[str, ...]]:
        """The objects by kind."""
        return survey.objects(self._session, database)

    def implied(self, database: str) -> Mapping[str, AbstractSet[str]]:
        """Checks and foreign keys whose names are the server's, and the indexes of these keys."""
        return survey.implied(self._session, database)

    def sequences(self, database: str) -> Mapping[str, int]:
        """The value of each sequence (MariaDB)."""
        return survey.sequences(self._session, database)

    def close(self) -> None:
        """Ends the connection."""
        self._link.close()


def connect(instance: Instance) -> MysqlServer:
    """Connects; see `python_backup.engines.engine.Engine.connect`."""
    return MysqlServer(instance, Toolbox(instance.tools), open_session(instance))


def client_of(tool: Tool) -> Client:
    """A program as others see it."""
    return Client(tool.name, tool.family, tool.version, tool.number, tool.argv)


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
