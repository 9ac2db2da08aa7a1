"""One run at a time works on one database of one server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from python_backup.engines.engine import Server
from python_backup.instance import Instance
from python_backup.storage.locks import Locks


@contextmanager
def working_on(locks: Locks | None, server: Server, instance: Instance, database: str) -> Iterator[None]:
    """Holds the database's lock inside; None is the part of a run that has it already.

    Raises:
        Locked: another run works on it.
    """
    if locks is None:
        yield
        return
    with locks.database(server.identity(), database, f"database {database!r} on instance {instance.label}"):
        locks.taken(instance, database)
        yield
