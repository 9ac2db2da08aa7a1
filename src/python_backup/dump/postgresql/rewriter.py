"""Fits a dump's statements to the database that it goes into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The database that a dump goes into, and what its server and the account know.

    ``knows_setting`` tells whether ``SET name`` works there (ask ``current_setting(name, true)``:
    pg_settings hides some that can be set, such as ``default_with_oids``). ``roles`` are all roles of
    the server; ``owners`` those that the account may make the owner of something (all of them for
    a superuser). ``schemas`` are what the new database has already. ``version`` is
    ``server_version_num``.
    """

    database: str
    version: int
    knows_setting: Callable[[str], bool]
    roles: frozenset[str]
    owners: frozenset[str]
    schemas: frozenset[str] = frozenset({"public"})
