"""Known security faults of the client programs: which versions have them, by the makers' own word.

Distributions mend some without changing the version; what is said of a version is the makers' view.

Sources, read in November 2026: postgresql.org/support/security; Oracle's Critical Patch Updates of
April 2024 and April 2025; mariadb.com/kb/en/security; the CVE records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from python_backup.instance import Dbms

Number = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One fault; ``fixed`` is each series' first version without it, ``since`` the first with it."""

    id: str
    what: str
    fixed: tuple[Number, ...]
    since: Number = ()


KNOWN: Mapping[Dbms, tuple[Vulnerability, ...]] = {
    Dbms.POSTGRESQL: (
        Vulnerability(
            "CVE-2024-7348",
            "pg_dump runs functions that others put in a table's place",
            ((12, 20), (13, 16), (14, 13), (15, 8), (16, 4)),
        ),
        Vulnerability(
            "CVE-2025-8714",
            "the source's superuser can have a plain dump run programs in psql",
            ((13, 22), (14, 19), (15, 14), (16, 10), (17, 6)),
        ),
        Vulnerability(
            "CVE-2025-8715",
            "a line break in an object's name runs programs in psql",
            ((13, 22), (14, 19), (15, 14), (16, 10), (17, 6)),
            since=(11, 20),
        ),
        Vulnerability(
            "CVE-2026-6477",
            "a hostile server overwrites pg_dump's memory with large objects",
            ((14, 23), (15, 18), (16, 14), (17, 10), (18, 4)),
        ),
        Vulnerability(
            "CVE-2026-18408",
            "the source's superuser can have a plain dump run programs in psql, by \\restrict",
            ((14, 24), (15, 19), (16, 15), (17, 11), (18, 6)),
        ),
    ),
    Dbms.MYSQL: (
        Vulnerability("CVE-2024-21096", "a dump can run what its source put in it", ((8, 0, 37), (8, 4, 0))),
        Vulnerability(
            "CVE-2025-30722",
            "mysqldump lets data be read and changed",
            ((8, 0, 42), (8, 4, 5), (9, 3, 0)),
            since=(8, 0, 0),
        ),
    ),
    Dbms.MARIADB: (
        Vulnerability(
            "CVE-2024-21096",
            "a dump can run what its source put in it",
            ((10, 5, 25), (10, 6, 18), (10, 11, 8), (11, 0, 6), (11, 1, 5), (11, 2, 4), (11, 4, 2)),
        ),
        Vulnerability(
            "CVE-2025-30722",
            "mariadb-dump lets data be read and changed",
            ((10, 5, 29), (10, 6, 22), (10, 11, 12), (11, 4, 6), (11, 8, 2)),
        ),
        Vulnerability(
            "CVE-2025-13699",
            "a view's name chooses the file that mariadb-dump --tab writes",
            ((10, 6, 24), (10, 11, 15), (11, 4, 9), (11, 8, 4)),
        ),
    ),
}


def known_in(family: Dbms, number: Number) -> tuple[Vulnerability, ...]:
    """The faults of a client program of this version; ``number`` is (15, 18) or (10, 11, 14)."""
    return tuple(v for v in KNOWN[family] if _affects(v, number))


def fixed_in(family: Dbms, number: Number) -> Number | None:
    """The first version of the same series, or of the next that has one, without any known fault."""
    needed = [fix for v in known_in(family, number) if (fix := _fix_for(v, number)) is not None]
    return max(needed, default=None)


def _affects(vulnerability: Vulnerability, number: Number) -> bool:
    fix = _fix_for(vulnerability, number)
    return number >= vulnerability.since and fix is not None and number < fix


def _fix_for(vulnerability: Vulnerability, number: Number) -> Number | None:
    """The fix of the version's own series, else of the next later one; None where all later ones are good."""
    later = sorted(fix for fix in vulnerability.fixed if fix[:-1] >= number[: len(fix) - 1])
    return later[0] if later else None
