"""One moment of a database on several connections: their transactions begin under one brief lock.

The lock is of the instance (MariaDB: commits alone wait, MySQL: all writes), or of the database's tables.
It waits for others a moment at a time only, since whoever writes waits behind it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

from python_backup.engines.mysql import losses, survey
from python_backup.engines.mysql.connection import Opener, Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import BackupError, NotPermitted, ServerError
from python_backup.log.events import Event
from python_backup.log.tell import tell
from python_backup.model import Scope

_AT_ONCE = 2
"""Seconds for one wait for others' statements: who writes waits as long."""
_PAUSE = 1.0
_LONG = 1.0
"""Seconds from which on someone should know how long writers waited; what is shorter is for the log."""

_READS = tuple(f"vya-backupdb reads parts {number}" for number in range(16))
"""Names of locks: each backup in parts holds one while it reads, for GET_LOCK has none to share."""

_WAITED = 1205
_APART = "nothing was locked: parts read over different connections may be of different moments"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Sessions that all see the database as it was at one moment; ``told`` is for people.

    ``unprotected`` are the tables without transactions. Until ``release``, nobody writes to them: ``held``
    raises `ServerError` where that has not been so.
    """

    lanes: tuple[Session, ...]
    told: tuple[str, ...]
    unprotected: frozenset[str]
    release: Callable[[], None]
    held: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A snapshot to take. ``patience`` is in seconds, for the lock; None: as long as it takes."""

    database: str
    lanes: int
    scope: Scope
    patience: float | None


@contextmanager
def snapshot(open_another: Opener, wanted: Wanted) -> Iterator[Snapshot]:
    """Takes a snapshot, and ends its sessions.

    Raises:
        NotPermitted: neither the instance nor the database may be locked.
        ServerError: others did not let go within the patience.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(open_another())) for _ in range(wanted.lanes + 2)]
        locker, holder, *lanes = opened
        for session in lanes:
            session.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if wanted.patience is not None:  # the server's own is a day, or a year
                session.rows(f"SET SESSION lock_wait_timeout = {max(1, round(wanted.patience))}")
        unprotected = tuple(sorted(name for name, _ in locker.rows(losses.UNPROTECTED, wanted.database)))
        told = _begin(_Parties(locker, holder, lanes, wanted.database, unprotected), wanted)
        yield Snapshot(
            tuple(lanes), told, frozenset(unprotected), holder.close, lambda: holder.value("SELECT 1")
        )


@dataclass(frozen=True, slots=True)
class _Parties:
    """Who locks: ``locker`` for the moment, ``holder`` tables without transactions until they are read."""

    locker: Session
    holder: Session
    lanes: Sequence[Session]
    database: str
    unprotected: tuple[str, ...]

    def begin_all(self) -> None:
        """Begins every lane's transaction, and holds what has none."""
        for session in self.lanes:
            session.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        if self.unprotected:
            self.holder.rows(f"SET SESSION lock_wait_timeout = {_AT_ONCE}")
            self.holder.rows(_read_locks(self.database, self.unprotected))


def _begin(parties: _Parties, wanted: Wanted) -> tuple[str, ...]:
    alone = _is_alone(parties.locker)  # whatever it locks, others are to know that it reads
    if wanted.scope is Scope.NONE:
        for session in parties.lanes:
            session.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return (_APART,) if len(parties.lanes) > 1 else ()
    told: tuple[str, ...] = ()
    *others, last = _scopes(wanted.scope, alone=alone)
    for scope in others:
        try:
            return _under(parties, wanted, _LOCKS[scope](parties))
        except NotPermitted as exc:
            told = (f"{_INSTEAD[scope]}: {exc.message}",)
    try:
        return told + _under(parties, wanted, _LOCKS[last](parties))
    except NotPermitted as exc:
        raise NotPermitted(
            f"parts of {wanted.database!r} cannot be read at one moment: {exc.message}",
            hint="Grant RELOAD on *.*, or LOCK TABLES on the database; or back up with --jobs 1.",
        ) from exc


def _scopes(asked: Scope, *, alone: bool) -> tuple[Scope, ...]:
    """What is tried to lock, in order."""
    if asked is Scope.DATABASE:
        return (Scope.DATABASE,)
    if alone:
        return (Scope.INSTANCE, Scope.DATABASE)
    return (Scope.DATABASE, Scope.INSTANCE)


def _is_alone(locker: Session) -> bool:
    """Whether no other backup in parts reads on this server; others find this one until the session ends.

    MySQL's lock of the instance waits for every statement that reads, and whoever writes waits behind it:
    while the lanes of another backup read, it may never get through. MariaDB's waits for no reader.
    """
    if survey.is_mariadb(locker):
        return True
    own = next((name for name in _READS if locker.value("SELECT GET_LOCK(%s, 0)", name) == 1), None)
    others = (name for name in _READS if name != own)
    return own is not None and all(locker.value("SELECT IS_FREE_LOCK(%s)", name) == 1 for name in others)


@dataclass(frozen=True, slots=True)
class _Lock:
    """Statements that lock, in steps, and those that unlock; ``what`` in words."""

    what: str
    steps: tuple[str, ...]
    end: str


def _of_instance(parties: _Parties) -> _Lock:
    if survey.is_mariadb(parties.locker):
        stages = ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT")
        return _Lock("commits", tuple(f"BACKUP STAGE {stage}" for stage in stages), "BACKUP STAGE END")
    return _Lock("writes", ("FLUSH TABLES WITH READ LOCK",), "UNLOCK TABLES")


def _of_database(parties: _Parties) -> _Lock:
    tables = [
        relation.name
        for relation in survey.relations(parties.locker, parties.database)
        if relation.kind in ("BASE TABLE", "SYSTEM VERSIONED")
    ]
    steps = (_read_locks(parties.database, tables),) if tables else ()
    return _Lock("writes to the database", steps, "UNLOCK TABLES")


_LOCKS = {Scope.INSTANCE: _of_instance, Scope.DATABASE: _of_database}
_INSTEAD = {
    Scope.INSTANCE: "the instance cannot be locked, so the database's tables were",
    Scope.DATABASE: "the database's tables cannot be locked, so the instance was, beside another backup",
}
"""What is told where the other is locked."""


def _read_locks(database: str, tables: Sequence[str]) -> str:
    return "LOCK TABLES " + ", ".join(f"{quoted(database)}.{quoted(table)} READ" for table in tables)


def _under(parties: _Parties, wanted: Wanted, lock: _Lock) -> tuple[str, ...]:
    """Begins the snapshots under the lock; tries again and again until the patience ends."""
    begun = time.monotonic()
    parties.locker.rows(f"SET SESSION lock_wait_timeout = {_AT_ONCE}")
    while True:
        tried = time.monotonic()
        try:
            for step in lock.steps:
                parties.locker.rows(step)
            parties.begin_all()
        except ServerSaid as exc:
            if exc.code != _WAITED:
                raise
        else:
            parties.locker.rows(lock.end)
            held = time.monotonic() - tried
            told = f"{lock.what} waited for {held * 1000:.0f} ms while the snapshots began"
            if held >= _LONG:
                return (told,)
            tell(Event.NOTE, told)
            return ()
        finally:
            _let_go(parties, lock)
        if wanted.patience is not None and time.monotonic() + _PAUSE - begun > wanted.patience:
            raise ServerError(
                f"no moment was found to lock {wanted.database!r} for its snapshots within"
                f" {wanted.patience:g} s (lock_timeout): others' statements go on for longer",
                hint="Look for them by SHOW PROCESSLIST, raise lock_timeout, or back up with --jobs 1.",
                transient=True,
            )
        time.sleep(_PAUSE)


def _let_go(parties: _Parties, lock: _Lock) -> None:
    """Ends what a try left: nobody is to wait for it."""
    with suppress(BackupError):
        parties.locker.rows(lock.end)
