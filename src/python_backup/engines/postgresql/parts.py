"""A database's parts: its rows by COPY over several connections, all else by pg_dump, under one snapshot.

All tables are locked first, so that no definition changes between the lock and the snapshot, nor is a
table emptied by TRUNCATE or rewritten by ALTER, which no snapshot sees through. Every connection takes its
own lock without waiting, as `pg_dump --jobs` does: behind one who waits for a table it would wait for itself.
No lock keeps a schema's name: whether names still mean what they meant is asked behind each part.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic

import psycopg

from python_backup.dump.piece import Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.engines.engine import DumpStream
from python_backup.engines.parts import PartPlan, PartsPlan, PartsSource
from python_backup.engines.postgresql import connection, copying, dump, inventory, psql
from python_backup.engines.postgresql.connection import converting, query, text, together
from python_backup.engines.postgresql.copying import Connected, Lane
from python_backup.engines.postgresql.dump import Request
from python_backup.engines.postgresql.listening import CANCEL_SECONDS
from python_backup.engines.postgresql.ranges import (
    RANGE,
    RANGES_SINCE,
    Slice,
    Table,
    all_names,
    own_tables,
    slices,
    whole_up_to,
)
from python_backup.engines.postgresql.tools import Tool, Toolbox
from python_backup.engines.underway import Underway
from python_backup.errors import ConnectionFailed, Refused, ToolFailed, ToolMissing
from python_backup.model import PartKind

_TOGETHER = 400
_TRIES = 5
_LEAST = 0.1
"""Seconds for a lane to be stopped when those before it took all."""

_BEGIN = b"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_AS_PG_DUMP = b"""
SET datestyle TO ISO; SET intervalstyle TO postgres; SET extra_float_digits TO 3; SET row_security TO off;
SET synchronize_seqscans TO off; SET search_path TO ''; SET enable_seqscan TO off;
SET max_parallel_workers_per_gather TO 0
"""
"""What pg_dump sets before it copies (pg_dump.c, setup_connection), and what keeps to ranges of pages."""

_WITHOUT_PSQL = (
    "no psql that fits the server was found to read rows over TLS: each was held whole, at some four"
    " times its size; install psql beside pg_dump"
)

_RENAMED = (
    b"SAVEPOINT looking",
    b"""
SELECT n.nspname FROM pg_catalog.pg_namespace n, (SELECT FROM pg_catalog.pg_language LIMIT 1) l
WHERE n.nspname !~ '^pg_' AND n.oid::pg_catalog.regnamespace::text <> pg_catalog.quote_ident(n.nspname)
  AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'p'))
""",
    b"ROLLBACK TO SAVEPOINT looking",
)
"""Schemas of the snapshot that have another name now.

A session learns of what others changed when it takes a lock that it has not: that of pg_language, which
nothing else here reads, and which the savepoint gives back.
"""

_HEAD = b"""--
-- Part of a PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = '%s';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

"""
_HARMLESS = frozenset({
    "--no-comments", "--no-owner", "-O", "--no-privileges", "-x", "--no-acl", "--verbose", "-v",
    "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces", "--no-policies",
    "--no-toast-compression", "--no-table-access-method", "--no-large-objects", "--no-blobs", "-B",
    "--large-objects", "--blobs", "-b", "--no-sync", "--no-statistics", "--statistics",
})  # fmt: skip
"""Options that say nothing of which rows are dumped, nor of how they are written."""

_RESTORING = """This folder is a backup of the PostgreSQL database {database} in parts, by vya-backupdb.

It is restored by `vya-backupdb restore`, or by stock tools with these three commands, run in this folder.
The first one drops the database of this name, if there is one, and makes it anew.

    zstd -dc before.sql.zst | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d postgres
    ls data/*.zst | xargs -P 2 -I PART sh -c {each}
    zstd -dc after.sql.zst | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d {name}

psql finds the server by PGHOST, PGPORT and PGUSER. `sha256sum -c SHA256SUMS` tells whether every part
is as it was written.
"""


def plan(request: Request, toolbox: Toolbox, jobs: int) -> PartsPlan:
    """Chooses the program and says how the database will be read.

    Raises:
        Refused: the instance's options stand against parts.
        ToolMissing: no pg_dump fits the server.
        ConfigError: the instance's options cannot be given to pg_dump here.
    """
    instance = request.instance
    if instance.custom_format:
        raise Refused(
            "pg_dump's own archive (format: custom) is one file",
            hint="Take format: custom out of the instance, or leave parts out.",
        )
    unknown = [option for option in instance.options if option not in _HARMLESS]
    if unknown:
        raise Refused(
            f"the instance's options {' '.join(unknown)} may choose rows, which pg_dump alone can tell",
            hint="Take them out of the instance's options, or leave parts out.",
        )
    tool = toolbox.choose("pg_dump", request.major)
    command = dump.command_of(request, tool, (*dump.names(request), "--format=p", "--section=pre-data"))
    name = shlex.quote(connection.conninfo({"dbname": request.database}))
    each = shlex.quote(f"zstd -dc PART | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d {name}")
    text = _RESTORING.format(database=request.database, name=name, each=each)
    # the timeout is that of all parts: who reads them keeps it
    unbounded = replace(request, limits=replace(request.limits, timeout=None))
    started = partial(_started, _Setting(unbounded, tool, toolbox), jobs)
    return PartsPlan("pg_dump", tool.version, command, text, started)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What every connection and every pg_dump of one backup is made with."""

    request: Request
    tool: Tool
    toolbox: Toolbox

    def connect(self) -> psycopg.Connection:
        """A connection that writes rows as pg_dump would, in the server's own encoding."""
        link = connection.connect(self.request.instance, self.request.database)
        try:
            with converting(f"database {self.request.database!r} cannot be read"):
                encoding = link.pgconn.parameter_status(b"server_encoding") or b"UTF8"
                query(link, b"SET client_encoding TO '%s'" % encoding)
                link.pgconn.send_query(_AS_PG_DUMP)
                copying.finished(link)
        except BaseException:
            link.close()
            raise
        return link

    def dump(
        self, section: str, snapshot: str, excluded: tuple[str, ...]
    ) -> AbstractContextManager[DumpStream]:
        """A running pg_dump of one section."""
        naming = dump.names(self.request) if section == "pre-data" else dump.rights(self.request)
        chosen = (*naming, "--format=p", f"--section={section}", f"--snapshot={snapshot}", *excluded)
        command = dump.command_of(self.request, self.tool, chosen)
        return dump.running_dump(self.request, command, self.toolbox.environment())

    def lanes(self, leader: psycopg.Connection, snapshot: bytes) -> tuple[Opening, tuple[str, ...]]:
        """How a lane is opened, and what an operator should know of it."""
        begin = (_BEGIN, b"SET TRANSACTION SNAPSHOT '%s'" % snapshot)
        if not leader.pgconn.ssl_in_use:
            return partial(self._connected, begin), ()
        try:
            tool = self.toolbox.choose("psql", self.request.major)
        except ToolMissing:
            return partial(self._connected, begin), (_WITHOUT_PSQL,)
        encoding = leader.pgconn.parameter_status(b"client_encoding") or b"UTF8"
        spoken = b"SET client_encoding TO '%s'" % encoding
        said = (*connection.settings(self.request.major), spoken, _AS_PG_DUMP, *begin)
        return partial(psql.opened, self.request, tool, self.toolbox.environment(), encoding, said), ()

    @contextmanager
    def _connected(self, begin: Iterable[bytes]) -> Iterator[Lane]:
        with closing(self.connect()) as link:
            for sql in begin:
                query(link, sql)
            yield Connected(link)


Opening = Callable[[], AbstractContextManager[Lane]]


@contextmanager
def _started(setting: _Setting, jobs: int) -> Iterator[PartsSource]:
    """Locks the tables, takes the snapshot, opens the lanes."""
    database = setting.request.database
    with ExitStack() as stack, converting(f"database {database!r} cannot be read"):
        leader = stack.enter_context(closing(setting.connect()))
        tables = _locked(leader, setting)
        [(snapshot,)] = query(leader, b"SELECT pg_catalog.pg_export_snapshot()")
        opening, told = setting.lanes(leader, snapshot or b"")
        lanes: list[Lane] = []
        for _ in range(jobs):
            try:
                lanes.append(stack.enter_context(opening()))
            except ConnectionFailed:
                if not lanes:
                    raise
                break
        ranged = setting.request.major >= RANGES_SINCE
        shares = slices(tables, ranges=ranged, size=RANGE, whole=whole_up_to(tables, jobs))
        yield _Source(setting, leader, (snapshot or b"").decode(), shares, tuple(lanes), told)


def _locked(leader: psycopg.Connection, setting: _Setting) -> tuple[Table, ...]:
    """The tables that are read by themselves; they and all others locked against any change but of rows.

    The transaction has no snapshot yet: its first one is taken behind the locks.
    """
    seconds = setting.request.limits.lock
    utf8 = leader.pgconn.parameter_status(b"server_encoding") == b"UTF8"
    # a table's size takes a lock, too
    query(leader, b"SET lock_timeout TO %d" % round(1000 * (seconds or 0)))
    for _ in range(_TRIES):
        tables, names = own_tables(leader, utf8=utf8), all_names(leader)
        query(leader, _BEGIN)
        if _lock(leader, names.values()):
            same = _definitions(own_tables(leader, utf8=utf8)) >= _definitions(tables)
            if same and all_names(leader).items() <= names.items():
                return tables
        query(leader, b"ROLLBACK")
    raise ToolFailed(
        f"the tables of {setting.request.database!r} change all the time",
        hint="Back up when nobody makes, alters or drops tables.",
        transient=True,
    )


def _lock(leader: psycopg.Connection, names: Iterable[bytes]) -> bool:
    """Locks the tables of these names; False where one is gone since it was listed."""
    listed = tuple(b"ONLY " + name for name in names)
    try:
        for begin in range(0, len(listed), _TOGETHER):
            some = b", ".join(listed[begin : begin + _TOGETHER])
            query(leader, b"LOCK TABLE %s IN ACCESS SHARE MODE" % some)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False
    return True


def _definitions(tables: Iterable[Table]) -> set[tuple[str, bytes, bytes]]:
    """What of tables must not change."""
    return {(table.oid, table.name, table.columns) for table in tables}


@dataclass(slots=True)
class _Source:
    """See `engines.parts.PartsSource`."""

    setting: _Setting
    leader: psycopg.Connection
    snapshot: str
    shares: tuple[Slice, ...]
    open_lanes: tuple[Lane, ...]
    told: tuple[str, ...]
    parts: tuple[PartPlan, ...] = field(init=False)
    _dumps: list[DumpStream] = field(default_factory=list)
    _tools: Underway = field(default_factory=Underway)
    _by_plan: dict[int, Slice] = field(init=False)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        plans = tuple(share.plan for share in self.shares)
        self._by_plan = {id(share.plan): share for share in self.shares}
        self.parts = (PartPlan(PartKind.BEFORE), PartPlan(PartKind.DATA), *plans, PartPlan(PartKind.AFTER))

    @property
    def lanes(self) -> int:
        return len(self.open_lanes)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(error for stream in self._dumps for error in stream.errors)

    @property
    def warnings(self) -> tuple[str, ...]:
        own = inventory.warnings(self.setting.request.instance.options)
        return tuple(
            dict.fromkeys((*self.told, *own, *(w for stream in self._dumps for w in stream.warnings)))
        )

    @property
    def passing(self) -> bool:
        return any(stream.passing for stream in self._dumps)

    def read(self, part: PartPlan, lane: int) -> AbstractContextManager[Iterator[Piece]]:
        """Reads a slice by COPY on the lane, else a section by pg_dump."""
        share = self._by_plan.get(id(part))
        return self._section(part.kind) if share is None else self._slice(share, self.open_lanes[lane])

    def stop(self) -> None:
        """Ends a running pg_dump and what lanes read; a server that is gone is not waited for at each."""
        self._tools.stop()
        end = monotonic() + CANCEL_SECONDS
        for lane in self.open_lanes:
            lane.stop(max(_LEAST, end - monotonic()))

    @contextmanager
    def _section(self, kind: PartKind) -> Iterator[Iterator[Piece]]:
        names = {PartKind.BEFORE: "pre-data", PartKind.DATA: "data", PartKind.AFTER: "post-data"}
        tables = dict.fromkeys(share.table.pattern for share in self.shares) if kind is PartKind.DATA else ()
        excluded = tuple(f"--exclude-table-data={pattern}" for pattern in tables)
        with self.setting.dump(names[kind], self.snapshot, excluded) as stream, self._tools.reading(stream):
            yield self._lexed(stream, names[kind])
        self._look()
        self._dumps.append(stream)

    def _lexed(self, stream: DumpStream, section: str) -> Iterator[Piece]:
        lexer = DIALECT.lexer()
        for block in stream.blocks:
            yield from lexer.feed(block)
        yield from lexer.finish()
        if not lexer.complete:
            raise ToolFailed(
                f"pg_dump ended the {section} of {self.setting.request.database!r} without its end mark"
            )

    @contextmanager
    def _slice(self, share: Slice, lane: Lane) -> Iterator[Iterator[Piece]]:
        doing = f"table {share.table.label} of {self.setting.request.database!r} cannot be read"
        with converting(doing):
            yield self._rows(share, lane)
        self._look()

    def _look(self) -> None:
        """That what was read is the snapshot's: the leader lives, and so do its locks; names are as then."""
        database = self.setting.request.database
        with self._one, converting(f"the tables of {database!r} were not kept from changes"):
            renamed = [text(name) for (name,) in together(self.leader, _RENAMED)[1]]
        if renamed:
            raise ToolFailed(
                f"{database!r} was backed up while its schema {renamed[0]!r} got another name",
                hint="Back up when no schema is renamed.",
                transient=True,
            )

    def _rows(self, share: Slice, lane: Lane) -> Iterator[Piece]:
        yield Statement(_HEAD % lane.encoding, 0, b"")
        table = share.table
        sql = b"COPY %s (%s) FROM stdin" % (table.name, table.columns)
        yield DataBegin(sql + b";\n", 0, sql, table.label, copy=True)
        count = 0
        lock = b"LOCK TABLE ONLY %s IN ACCESS SHARE MODE NOWAIT" % table.name
        for rows, block in lane.rows(lock, share.sql):
            self._tools.check()
            count += rows
            yield Rows(block, 0, rows, block)
        yield DataEnd(b"\\.\n", 0, count)
        yield Comment(b"\n", 0)
