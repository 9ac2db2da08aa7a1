"""A database's parts: rows over several connections under one snapshot, all else by the dump tool.

The tool reads definitions after the snapshot was taken: so what the server says of them is looked at before
and after, and a change between fails the backup. A table that was changed alone is told by the server (1412).
"""

from __future__ import annotations

import shlex
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from blake3 import blake3

from python_backup.dump.mysql.dialect import DIALECT
from python_backup.dump.piece import Piece
from python_backup.engines.engine import DumpStream
from python_backup.engines.mysql import dump
from python_backup.engines.mysql.connection import Session, open_session, quoted
from python_backup.engines.mysql.dump import Job
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.rowtext import SETTINGS, Manner
from python_backup.engines.mysql.shares import Share, of_database, pieces
from python_backup.engines.mysql.snapshot import Snapshot, Wanted, snapshot
from python_backup.engines.parts import PartPlan, PartsPlan, PartsSource
from python_backup.engines.underway import Underway
from python_backup.errors import Refused, ServerError, ToolFailed
from python_backup.instance import Dbms
from python_backup.model import PartKind, Scope

_BEFORE = ("--no-data", "--skip-triggers", "--skip-events")
_AFTER = ("--no-data", "--no-create-info", "--no-create-db", "--skip-add-drop-database", "--skip-routines")
_HARMLESS = frozenset({
    "--single-transaction", "--quick", "--opt", "--no-tablespaces", "--skip-comments", "--skip-dump-date",
    "--set-gtid-purged=OFF", "--column-statistics=0", "--skip-column-statistics", "--skip-lock-tables",
    "--skip-triggers", "--skip-routines", "--skip-events", "--verbose",
})  # fmt: skip
"""Options that say nothing of which rows are dumped, nor of how they are written."""

_NAMES = {Dbms.MARIADB: "MariaDB", Dbms.MYSQL: "MySQL"}

_HEXES_BITS = (11, 0, 0)

_RESTORING = """This folder is a backup of the {server} database {database} in parts, by vya-backupdb.

It is restored by `vya-backupdb restore`, or by stock tools with these three commands, run in this folder.
The first one drops the database of this name, if there is one, and makes it anew.

    zstd -dc before.sql.zst | {client} --default-character-set=utf8mb4
    ls data/*.zst | xargs -P 2 -I PART sh -c {each}
    zstd -dc after.sql.zst | {client} --default-character-set=utf8mb4

{client} finds the server by its option file. `sha256sum -c SHA256SUMS` tells whether every part is as it
was written.
"""


_RIGHTS = {
    Scope.INSTANCE: ("ALL PRIVILEGES", "RELOAD", "FLUSH_TABLES", "LOCK TABLES"),
    Scope.DATABASE: ("ALL PRIVILEGES", "LOCK TABLES"),
}
"""Of these rights one is needed; where the instance cannot be locked, the database is."""


def plan(job: Job, jobs: int, lock: Scope) -> PartsPlan:
    """Says how the database will be read.

    Raises:
        Refused: the instance's options, or what the database holds, stand against parts.
    """
    unknown = [option for option in job.instance.options if option not in _HARMLESS]
    if unknown:
        raise Refused(
            f"the instance's options {' '.join(unknown)} may choose rows: {job.tool.name} alone can tell",
            hint="Take them out of the instance's options, or leave parts out.",
        )
    if "--dump-history" in job.further:
        raise Refused(
            f"{job.database!r} has tables with a history, which {job.tool.name} alone writes",
            hint="Back this database up into one file: parts: never, or --jobs 1.",
        )
    if not _may_lock(job, lock):
        neither = "neither the instance nor" if lock is Scope.INSTANCE else "no tables of"
        reload = "RELOAD on *.*, or " if lock is Scope.INSTANCE else ""
        raise Refused(
            f"the account may lock {neither} {job.database!r} for the moment of a snapshot",
            hint=f"Grant {reload}LOCK TABLES on the database, or give --lock none where nobody writes to it.",
        )
    name = shlex.quote(job.database)
    client = "mariadb" if job.tool.family is Dbms.MARIADB else "mysql"
    each = shlex.quote(f"zstd -dc PART | {client} --default-character-set=utf8mb4 -- {name}")
    before = replace(job, further=(*job.further, *_BEFORE))
    planned = dump.plan(before)
    return PartsPlan(
        client=planned.client,
        client_version=planned.client_version,
        command=planned.command,
        restoring=_RESTORING.format(
            server=_NAMES[job.tool.family], database=job.database, client=client, each=each
        ),
        start=partial(_started, job, jobs, lock),
    )


def _may_lock(job: Job, lock: Scope) -> bool:
    """Whether the account has one of the rights, for all that its grants tell."""
    if lock is Scope.NONE:
        return True
    with closing(open_session(job.instance)) as session:
        granted = " ".join(str(grant) for (grant,) in session.rows("SHOW GRANTS"))
    return any(right in granted for right in _RIGHTS[lock])


@contextmanager
def _started(job: Job, jobs: int, lock: Scope) -> Iterator[PartsSource]:
    def opened() -> Session:
        session = open_session(job.instance, job.database)
        try:
            session.rows(SETTINGS)
        except BaseException:
            session.close()
            raise
        return session

    with closing(open_session(job.instance, job.database)) as watcher:
        mark = _mark(watcher, job.database)
        wanted = Wanted(job.database, jobs, lock, job.limits.lock)
        with snapshot(opened, wanted) as taken:
            mariadb = job.tool.family is Dbms.MARIADB
            manner = Manner(mariadb, mariadb and job.tool.number >= _HEXES_BITS)
            shares = of_database(taken.lanes[0], job.database, manner)
            _keep(taken.lanes, shares)
            yield _Source(job, taken, shares, lambda: _mark(watcher, job.database) == mark)


def _keep(lanes: Sequence[Session], shares: Sequence[Share]) -> None:
    """Has every lane open the tables that several may read, while nobody waits for them.

    Who waits to change a table waits for the lanes that have read it, and others wait behind: a lane that
    came to the table then would wait for itself.
    """
    parts = Counter(table for share in shares for table in share.tables)
    for table in sorted(table for table, number in parts.items() if number > 1):
        for session in lanes:
            session.rows(f"SELECT HIGH_PRIORITY 1 FROM {quoted(table)} LIMIT 0")


def _mark(session: Session, database: str) -> str:
    """What changes when a definition does."""
    digest = blake3()
    for what, looked_at in _DEFINITIONS.items():
        schema = _SCHEMAS.get(what, "table_schema")
        sql = f"SELECT {looked_at} FROM information_schema.{what} WHERE {schema} = %s ORDER BY 1, 2, 3"
        for row in session.rows(sql.replace(", 3", "") if looked_at.count(",") == 1 else sql, database):
            digest.update(repr(row).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


_DEFINITIONS = {
    "tables": "table_name, table_type, engine, create_time, table_collation, create_options, table_comment",
    "columns": "table_name, ordinal_position, column_name, column_type, column_default, is_nullable,"
    " collation_name, extra, generation_expression",
    "statistics": "table_name, index_name, seq_in_index, column_name, sub_part, non_unique, index_type",
    "table_constraints": "table_name, constraint_name, constraint_type",
    "views": "table_name, view_definition",
    "routines": "routine_type, routine_name, last_altered",
    "triggers": "trigger_name, created, action_statement",
    "events": "event_name, last_altered",
}
"""By table of information_schema what is looked at."""

_SCHEMAS = {"routines": "routine_schema", "triggers": "trigger_schema", "events": "event_schema"}


@dataclass(slots=True)
class _Source:
    """See `engines.parts.PartsSource`."""

    job: Job
    taken: Snapshot
    shares: tuple[Share, ...]
    unchanged: Callable[[], bool]
    parts: tuple[PartPlan, ...] = field(init=False)
    _dumps: list[DumpStream] = field(default_factory=list)
    _by_plan: dict[int, Share] = field(init=False)
    _unread: set[int] = field(init=False)
    _left: int = field(init=False)
    _tools: Underway = field(default_factory=Underway)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._by_plan = {id(share.plan): share for share in self.shares}
        self._unread = {
            number for number, share in self._by_plan.items() if share.tables & self.taken.unprotected
        }
        self.parts = (PartPlan(PartKind.BEFORE), *(s.plan for s in self.shares), PartPlan(PartKind.AFTER))
        self._left = len(self.parts)
        if not self._unread:
            self.taken.release()

    @property
    def lanes(self) -> int:
        return len(self.taken.lanes)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(error for stream in self._dumps for error in stream.errors))

    @property
    def warnings(self) -> tuple[str, ...]:
        said = (warning for stream in self._dumps for warning in stream.warnings)
        return tuple(dict.fromkeys((*self.taken.told, *said)))

    @property
    def passing(self) -> bool:
        return any(stream.passing for stream in self._dumps)

    @contextmanager
    def read(self, part: PartPlan, lane: int) -> Iterator[Iterator[Piece]]:
        """Reads a share of the rows on the lane's connection, else definitions by the tool.

        Behind the last part, definitions are looked at again.
        """
        share = self._by_plan.get(id(part))
        with self._definitions(part.kind) if share is None else self._rows(share, lane) as found:
            yield found
        with self._one:
            self._left -= 1
            if self._left == 0 and not self.unchanged():
                raise ToolFailed(
                    f"definitions in {self.job.database!r} were changed while it was backed up",
                    hint="Back up when nobody makes, alters or drops tables or programs.",
                    transient=True,
                )

    def stop(self) -> None:
        """Ends a running tool and every connection."""
        self._tools.stop()
        for session in self.taken.lanes:
            session.break_off()

    @property
    def _dump(self) -> str:
        return f"{_NAMES[self.job.tool.family]} dump {self.job.tool.version}"

    @contextmanager
    def _definitions(self, kind: PartKind) -> Iterator[Iterator[Piece]]:
        further = _BEFORE if kind is PartKind.BEFORE else _AFTER
        limits = replace(self.job.limits, timeout=None)  # it is that of all parts
        job = replace(self.job, further=(*self.job.further, *further), limits=limits)
        with dump.plan(job).start() as stream, self._tools.reading(stream):
            yield self._lexed(stream)
        self._dumps.append(stream)

    def _lexed(self, stream: DumpStream) -> Iterator[Piece]:
        lexer = DIALECT.lexer()
        for block in stream.blocks:
            yield from lexer.feed(block)
        yield from lexer.finish()

    @contextmanager
    def _rows(self, share: Share, lane: int) -> Iterator[Iterator[Piece]]:
        try:
            yield pieces(share, self.taken.lanes[lane], self._dump)
        except ServerSaid as exc:
            what = f"table {share.plan.table}" if share.plan.table else "small tables"
            raise ToolFailed(
                f"{what} of {self.job.database!r} cannot be read: {exc.reason} ({exc.code})",
                transient=exc.transient,
            ) from exc
        with self._one:
            if id(share.plan) in self._unread:
                self._still_held()
            self._unread.discard(id(share.plan))
            if not self._unread:
                self.taken.release()

    def _still_held(self) -> None:
        try:
            self.taken.held()
        except ServerError as exc:
            raise ToolFailed(
                f"tables of {self.job.database!r} without transactions may have been written to while they"
                f" were read: the session that locked them was ended ({exc.message})",
                hint="Find out who or what ends sessions of the account; the server's log may say.",
                transient=True,
            ) from exc
