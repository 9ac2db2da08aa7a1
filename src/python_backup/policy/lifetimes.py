"""How long each server version gets security updates from its makers.

A series that is not listed is newer than this table, or one of the short-lived ones between: these end
when the next series comes out.

Sources, read in November 2026: postgresql.org/support/versioning; Oracle's Lifetime Support Policy for
MySQL; mariadb.org/about/#maintenance-policy; endoflife.date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from python_backup.instance import Dbms
from python_backup.model import Check, Verdict

Series = tuple[int, ...]

ENDS: Mapping[Dbms, Mapping[Series, date]] = {
    Dbms.POSTGRESQL: {
        (13,): date(2025, 11, 13),
        (14,): date(2026, 11, 12),
        (15,): date(2027, 11, 11),
        (16,): date(2028, 11, 9),
        (17,): date(2029, 11, 8),
        (18,): date(2030, 11, 14),
    },
    Dbms.MYSQL: {
        (8, 0): date(2026, 4, 30),
        (8, 4): date(2032, 4, 30),
        (9, 7): date(2034, 4, 21),
    },
    Dbms.MARIADB: {
        (10, 5): date(2025, 6, 24),
        (10, 6): date(2026, 7, 6),
        (10, 11): date(2028, 2, 16),
        (11, 4): date(2029, 5, 29),
        (11, 8): date(2028, 6, 4),
        (12, 3): date(2029, 6, 30),
    },
}
"""The last day of each long-lived series; the first is the oldest that this program is tested with."""

NAMES: Mapping[Dbms, str] = {
    Dbms.POSTGRESQL: "PostgreSQL",
    Dbms.MYSQL: "MySQL",
    Dbms.MARIADB: "MariaDB",
}


def flavour(dbms: Dbms, version: str) -> Dbms:
    """What a server is by its own word; MySQL and MariaDB may each be configured as the other."""
    if dbms is Dbms.POSTGRESQL:
        return dbms
    return Dbms.MARIADB if "mariadb" in version.lower() else Dbms.MYSQL


def supported(dbms: Dbms, version: str, today: date) -> Check:
    """Whether this program and the makers support a server of this version (in its own words)."""
    kind = flavour(dbms, version)
    ends = ENDS[kind]
    series = tuple(int(n) for n in re.findall(r"\d+", version)[: len(next(iter(ends)))])
    who = f"{NAMES[kind]} {version.partition('-')[0]}"
    newest = NAMES[kind] + " " + ".".join(map(str, max(ends)))
    if series < min(ends):
        oldest = ".".join(map(str, min(ends)))
        return Check(
            "version", Verdict.WARNING, f"{who}: this program is tested with {oldest} and later",
            f"Upgrade the server, best to {newest}.",
        )  # fmt: skip
    if series > max(ends):
        return Check("version", Verdict.OK, f"{who}: newer than what this program knows of")
    last = ends.get(series)
    if last is None:
        found = f"{who}: a short-lived series without security updates"
        return Check("version", Verdict.WARNING, found, f"Upgrade the server, best to {newest}.")
    if last < today:
        found = f"{who}: no security updates since {last:%Y-%m-%d}"
        return Check("version", Verdict.WARNING, found, f"Upgrade the server, best to {newest}.")
    return Check("version", Verdict.OK, f"{who}: security updates until {last:%Y-%m-%d}")
