"""Two databases change names, and what belongs to the database goes along, in one transaction.

``ALTER DATABASE … RENAME`` may stand in a transaction block (unlike CREATE and DROP DATABASE), so a
run that is killed at any moment, and a server that crashes, leave all as it was: there is nothing
to be mended afterwards.

Nothing is barred for it either. RENAME takes an AccessExclusiveLock on the database object and keeps
it until the transaction ends (RenameDatabase in dbcommands.c). Whoever connects takes a
RowExclusiveLock on it before he counts as a session, so he waits, and looks the name up again when he
has the lock (InitPostgres in postinit.c): then it is the new database's, or he is told that it "seems
to have just been dropped or renamed" and finds the new one at his next try. With the lock, RENAME
waits 5 s for other sessions to be gone (CountOtherDBBackends in procarray.c; it sends autovacuum
workers away by itself); in these, with ``disconnect``, a second connection ends them, again and again.
A prepared transaction counts as a session and cannot be ended so. Seen on 13 to 18.

When this program is killed while RENAME waits, the server notices it after `CHECK` (13: when the 5 s
are over); until then who connects waits, and then finds the old database.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from time import monotonic, sleep

import psycopg
from psycopg import pq

from python_backup.engines.postgresql import holding, properties
from python_backup.engines.postgresql.connection import Row, converting, identifier, literal, query, text
from python_backup.engines.postgresql.listening import Link
from python_backup.engines.replacing import Swap
from python_backup.errors import (
    BackupError,
    ConnectionFailed,
    DatabaseMissing,
    NotPermitted,
    Refused,
    TargetExists,
)

GRACE = 1.0
"""Seconds in which a session that is there when we come may leave by itself (a monitor's probe)."""

PULSE = 0.05
"""Seconds between two looks at who is connected."""

ATTEMPTS = 3
"""How often RENAME may wait its 5 s for sessions that are being ended."""

CHECK = b"200ms"
"""How often a waiting server looks whether we are still there."""

_PREPARE = (
    b"SET search_path TO pg_catalog",
    b"SET lock_timeout TO '5s'",  # while RENAME waits for its lock, nobody can connect
    b"SET idle_in_transaction_session_timeout TO '15s'",  # when this machine is cut off amid the transaction
)

SESSIONS = b"""
SELECT a.usename, a.application_name, coalesce(host(a.client_addr), 'the server''s machine'),
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), ''
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = $1 AND a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
      AND a.backend_type IS DISTINCT FROM 'parallel worker'
UNION ALL
SELECT p.owner, '', '', to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), p.gid
FROM pg_catalog.pg_prepared_xacts p WHERE p.database = $1
ORDER BY 4, 1, 2"""
"""Who is connected to the database $1; prepared transactions count.

Autovacuum workers have no account. An account without pg_read_all_stats sees no time of others.
"""

_TERMINATE = b"""
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity
    WHERE datid = $1::oid AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    ORDER BY pg_has_role(usesysid, 'MEMBER')) AS those_that_may_be_refused_first"""

_RIGHTS = b"""
SELECT d.datname, o.rolname, o.rolsuper, current_user, u.rolcreatedb OR u.rolsuper,
       pg_has_role(d.datdba, 'USAGE'), pg_has_role(d.datdba, 'MEMBER')
FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba, pg_roles u
WHERE d.datname IN ($1, $2) AND u.rolname = current_user"""

_LEFT_BEHIND = b"""
SELECT 'replication slot', slot_name::text FROM pg_replication_slots WHERE database = $1
UNION ALL
SELECT 'subscription', s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
WHERE d.datname = $1"""

_HALF_DROPPED = b"SELECT 1 FROM pg_database WHERE datname = $1 AND datconnlimit = -2"
"""Since 16, and the last of 13 to 15, an interrupted DROP DATABASE leaves this mark, and nobody may enter."""

Enter = Callable[[], psycopg.Connection]
"""Makes a connection to a database that is none of those that change names."""


def lines(rows: Iterable[Row]) -> tuple[str, ...]:
    """What `SESSIONS` answered, a line for each."""
    return tuple(_line(*(text(value) for value in row)) for row in rows)


def _line(account: str, program: str, place: str, since: str, gid: str) -> str:
    at = f", since {since} UTC" if since else ""
    if gid:
        return f"prepared transaction {gid!r} of {account!r}{at}"
    return f"{account!r}, {program or 'a program without a name'!r}, from {place}{at}"


def take_over(swap: Swap, enter: Enter) -> tuple[str, ...]:
    """Gives ``fresh`` the target's name, and what had it the name ``before``; returns warnings.

    Raises:
        Refused: others are connected, or a prepared transaction is there; the message lists them.
        TargetExists, DatabaseMissing: the names are not as the swap says.
        NotPermitted: the account may not rename, end a session, or give a property.
    """
    with (
        converting(f"database {swap.target!r} cannot be replaced"),
        closing(_entered(enter)) as mover,
        closing(_entered(enter)) as watch,
    ):
        _check(watch, swap)
        holding.hold_swap(mover, swap.target)
        mine = _Mine(mover.pgconn.backend_pid, _oid(watch, swap.fresh))
        taking = _TakeOver(swap, mover, watch, [])
        try:
            taking.run()
        except ConnectionFailed as exc:
            mover.close()
            taking.warnings.append(_came_through(mine, swap, enter, exc))
        return tuple(taking.warnings)


def _entered(enter: Enter) -> psycopg.Connection:
    link = enter()
    with converting("the databases cannot be renamed"):
        for sql in _PREPARE:
            query(link, sql)
        with suppress(psycopg.ProgrammingError, psycopg.DataError):  # 13 lacks it, and so do some systems
            query(link, b"SET client_connection_check_interval TO '" + CHECK + b"'")
    return link


def _oid(link: psycopg.Connection, database: str) -> bytes | None:
    rows = query(link, b"SELECT oid FROM pg_database WHERE datname = $1", database.encode())
    return rows[0][0] if rows else None


def _check(link: psycopg.Connection, swap: Swap) -> None:
    """Says what stands against it before a session is ended for nothing."""
    with converting(f"database {swap.target!r} cannot be replaced"):
        for name, wanted in (
            (swap.fresh, True),
            (swap.target, swap.before is not None),
            (swap.before, False),
        ):
            if name is None or (_oid(link, name) is not None) is wanted:
                continue
            if wanted:
                raise DatabaseMissing(f"there is no database {name!r}")
            raise TargetExists(f"database {name!r} exists")
        remedies = _remedies(link, swap)
    if remedies:
        raise NotPermitted(
            f"the account may not rename {swap.target!r} and {swap.fresh!r}",
            hint=f"Let it: {'; '.join(remedies)}.",
        )
    _refuse_prepared(link, swap.target)
    if not swap.disconnect:
        _refuse_sessions(link, swap.target, monotonic() + GRACE)


def _remedies(link: psycopg.Connection, swap: Swap) -> list[str]:
    """What makes the account the owner of both, with the right to name databases (ALTER DATABASE's page)."""
    found: dict[str, None] = {}
    asked = query(link, _RIGHTS, swap.target.encode(), swap.fresh.encode())
    for database, owner, is_super, user, creates, owns, belongs in asked:
        names = [text(identifier(name or b"")) for name in (database, owner, user)]
        if creates != b"t":
            found[f"ALTER ROLE {names[2]} CREATEDB"] = None
        if owns == b"t":
            continue
        if is_super == b"t":
            found[f"ALTER DATABASE {names[0]} OWNER TO {names[2]}"] = None
        elif belongs == b"t" and link.pgconn.server_version < 160000:  # noqa: PLR2004 - by grant since 16
            found[f"ALTER ROLE {names[2]} INHERIT"] = None
        else:
            inherit = " WITH INHERIT TRUE" if belongs == b"t" else ""
            found[f"GRANT {names[1]} TO {names[2]}{inherit}"] = None
    return list(found)


def _refuse_prepared(link: psycopg.Connection, database: str) -> None:
    with converting("prepared transactions cannot be asked for"):
        rows = query(link, b"SELECT gid FROM pg_prepared_xacts WHERE database = $1", database.encode())
    if rows:
        ends = "; ".join(f"ROLLBACK PREPARED {text(literal(gid or b'')).strip()}" for (gid,) in rows)
        raise Refused(
            f"database {database!r} has prepared transactions, which keep it from being renamed:"
            f" {', '.join(repr(text(gid)) for (gid,) in rows)}",
            hint=f"End them, in that database, by COMMIT PREPARED or: {ends}.",
        )


def _refuse_sessions(link: psycopg.Connection, database: str, until: float) -> None:
    """Gives who is connected until then to leave."""
    while True:
        with converting(f"sessions on {database!r} cannot be asked for"):
            found = lines(query(link, SESSIONS, database.encode()))
        if not found:
            return
        if monotonic() >= until:
            raise _in_use(database, found)
        sleep(PULSE)


def _in_use(database: str, found: tuple[str, ...]) -> Refused:
    listed = "".join(f"\n  {line}" for line in found)
    return Refused(
        f"others are connected to database {database!r}:{listed}",
        hint="End them, or let --disconnect end them.",
    )


@dataclass(frozen=True, slots=True)
class _TakeOver:
    """One transaction of ``mover``; ``watch`` sees who is in its way, and ends him."""

    swap: Swap
    mover: psycopg.Connection
    watch: psycopg.Connection
    warnings: list[str]

    def run(self) -> None:
        """Tries again where sessions took longer to end than RENAME waits."""
        for left in reversed(range(ATTEMPTS if self.swap.disconnect else 1)):
            self.warnings.clear()
            try:
                self._once()
            except Refused:
                if not left:
                    raise
                with converting("the transaction cannot be ended"):
                    query(self.mover, b"ROLLBACK")
            else:
                return

    def _once(self) -> None:
        swap = self.swap
        with converting(f"database {swap.target!r} cannot be replaced"):
            query(self.mover, b"BEGIN")
            if swap.before is not None:
                self._warn_of_what_stays(swap.target, swap.before)
                self._rename(swap.target, swap.before)
            self._rename(swap.fresh, swap.target)
            if swap.before is not None and swap.keep_properties:
                self.warnings.extend(properties.carry(self.mover, swap.before, swap.target))
            query(self.mover, b"COMMIT")

    def _warn_of_what_stays(self, target: str, before: str) -> None:
        for kind, name in query(self.mover, _LEFT_BEHIND, target.encode()):
            self.warnings.append(
                f"{text(kind)} {text(name)!r} stays with the replaced contents, now {before!r}"
            )
        if query(self.mover, _HALF_DROPPED, target.encode()):
            self.warnings.append(f"what {target!r} held was half dropped: {before!r} can only be dropped")

    def _rename(self, old: str, new: str) -> None:
        sql = b"ALTER DATABASE " + identifier(old.encode()) + b" RENAME TO " + identifier(new.encode())
        oid = _oid(self.mover, old) or b"0"
        try:
            for _ in _waiting(self.mover, sql):
                if self.swap.disconnect:
                    self._terminate(old, oid)
        except psycopg.errors.ObjectInUse as exc:
            raise self._still_there(old, exc) from exc
        except psycopg.errors.LockNotAvailable as exc:
            raise Refused(
                f"database {old!r} is being changed or copied by another session",
                hint="Wait until CREATE, ALTER, GRANT or DROP DATABASE there has ended, and try again.",
            ) from exc
        except psycopg.errors.DuplicateDatabase as exc:
            raise TargetExists(f"database {new!r} exists") from exc
        except (BackupError, KeyboardInterrupt):
            with suppress(psycopg.Error):
                self.mover.cancel()  # it would go on waiting, and keep others from connecting
            raise

    def _still_there(self, database: str, exc: psycopg.Error) -> Refused:
        found = lines(query(self.watch, SESSIONS, database.encode()))
        return _in_use(database, found or (exc.diag.message_detail or "gone by now",))

    def _terminate(self, database: str, oid: bytes) -> None:
        try:
            query(self.watch, _TERMINATE, oid)
        except psycopg.errors.InsufficientPrivilege as exc:
            [(user,)] = query(self.watch, b"SELECT quote_ident(current_user)")
            raise NotPermitted(
                f"sessions on database {database!r} cannot be ended: {exc.diag.message_primary}",
                hint=f"Let the account end others' sessions: GRANT pg_signal_backend TO {text(user)};"
                " a superuser's sessions only a superuser may end.",
            ) from exc


def _waiting(link: psycopg.Connection, sql: bytes) -> Iterator[None]:
    """Runs one statement; a step for each `PULSE` that the server takes over it, while it lives."""
    pgconn, heard = link.pgconn, monotonic()
    pgconn.send_query(sql)
    pgconn.flush()
    failed = None
    while True:
        while pgconn.is_busy():
            if not select.select([pgconn.socket], [], [], PULSE)[0]:
                yield
                if isinstance(link, Link) and link.ask is not None and monotonic() - heard > link.silence:
                    link.ask()
                    heard = monotonic()
            else:
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            break
        if result.status == pq.ExecStatus.FATAL_ERROR:
            failed = result
    if failed is not None:
        raise psycopg.errors.error_from_result(failed, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Mine:
    """What a lost take-over is known by: its server process, and the database that it renamed."""

    pid: int
    fresh: bytes | None


def _came_through(mine: _Mine, swap: Swap, enter: Enter, lost: ConnectionFailed) -> str:
    """A warning where the lost take-over was committed, else its error; asked when its process is gone."""
    try:
        with closing(_entered(enter)) as link:
            end = monotonic() + 20
            while monotonic() < end and query(
                link, b"SELECT 1 FROM pg_stat_activity WHERE pid = $1::int4", str(mine.pid).encode()
            ):
                sleep(PULSE)
            came = _oid(link, swap.target) == mine.fresh
    except (BackupError, psycopg.Error):
        raise ConnectionFailed(
            f"{lost.message}; whether {swap.target!r} was replaced cannot be asked",
            hint=f"It is whole: the new one when there is no {swap.fresh!r} any more, else the old.",
        ) from lost
    if not came:
        raise lost
    return f"{swap.target!r} was replaced, then the connection was lost: {lost.message}"
