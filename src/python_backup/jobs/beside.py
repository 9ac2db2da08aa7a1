"""Databases beside a target: a free name for a new one, and what becomes of one that is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from python_backup.engines.engine import Server
from python_backup.engines.table import ENGINES
from python_backup.instance import Instance
from python_backup.policy.beside import beside


def free_beside(server: Server, instance: Instance, target: str, mark: str, at: datetime) -> str:
    """The name of the first second, from this one on, that no database has: two may begin in one."""
    fits = ENGINES[instance.dbms].fits
    while server.exists(name := beside(target, mark, at, fits)):
        at += timedelta(seconds=1)
    return name


def abandon(server: Server, fresh: str, target: str) -> str | None:
    """Drops what was being filled for the target; says why not where that would lose something.

    A take-over that could be neither ended nor undone has its journal in there, and maybe more.
    """
    left = server.unfinished(target)
    if left is None and server.exists(fresh):
        server.drop(fresh)
    return left
