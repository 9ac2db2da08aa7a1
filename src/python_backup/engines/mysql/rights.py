"""What the account may not do, so that a dump would lack something while its tool says all is well.

Rights are read from SHOW GRANTS, which every account may ask for itself; each lack names its GRANT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from python_backup.engines.engine import Lack
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.survey import of_schema
from python_backup.errors import BackupError

_LINE = re.compile(
    r"(GRANT|REVOKE) (.+?) ON (?:TABLE )?(`(?:[^`]|``)*`|\*)\.(`(?:[^`]|``)*`|\*) (?:TO|FROM) ", re.DOTALL
)
_COLUMNS = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Rights:
    """The account's rights by scope: everywhere, on the one database, on single tables of it.

    ``pattern`` is the database as the GRANT that holds for it names it, in backquotes.
    """

    everywhere: frozenset[str] = frozenset()
    database: frozenset[str] = frozenset()
    tables: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    pattern: str | None = None

    def has(self, right: str) -> bool:
        """Whether the right holds for the whole database."""
        return bool({right, "ALL PRIVILEGES"} & (self.everywhere | self.database))

    def has_everywhere(self, right: str) -> bool:
        """Whether the right holds for all databases."""
        return bool({right, "ALL PRIVILEGES"} & self.everywhere)

    def may_read(self, schema: str, table: str) -> bool:
        """Whether one table may be read."""
        granted = self.tables.get((schema, table), frozenset())
        return self.has("SELECT") or bool({"SELECT", "ALL PRIVILEGES"} & granted)


def read(lines: Iterable[str], database: str, *, wildcards: bool = True) -> Rights:
    r"""What the lines of SHOW GRANTS say for this database.

    A database in a GRANT is a pattern (``%``, ``_``, ``\_``) unless the server has
    partial_revokes on. Of several patterns that fit, the servers take one: that with its first
    wildcard furthest right. A REVOKE line is a partial revoke (MySQL 8.0.16).
    """
    everywhere: set[str] = set()
    patterns: dict[str, set[str]] = {}
    tables: dict[tuple[str, str], frozenset[str]] = {}
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        verb, words, schema, table = found.groups()
        granted = {" ".join(w.split()).upper() for w in _COLUMNS.sub("(", words).split(",")}
        granted = {w for w in granted if not w.endswith("(")}
        if verb == "REVOKE":
            if _fits(schema, database, wildcards=False):
                everywhere -= granted
        elif schema == "*":
            everywhere |= granted
        elif table != "*":
            tables[_bare(schema), _bare(table)] = frozenset(granted)
        elif _fits(schema, database, wildcards=wildcards):
            patterns.setdefault(schema, set()).update(granted)
    pattern = max(patterns, key=_plain_length, default=None)
    on_database = patterns[pattern] if pattern is not None else set()
    return Rights(frozenset(everywhere), frozenset(on_database), tables, pattern)


def _plain_length(pattern: str) -> float:
    """Where the first wildcard stands; endless without one."""
    found = re.search(r"(?<!\\)[_%]", _bare(pattern))
    return found.start() if found else math.inf


def _bare(identifier: str) -> str:
    return identifier[1:-1].replace("``", "`") if identifier.startswith("`") else identifier


def _fits(pattern: str, database: str, *, wildcards: bool) -> bool:
    name = _bare(pattern)
    if not wildcards:
        return re.sub(r"\\([_%])", r"\1", name) == database
    parts = re.findall(r"\\[_%]|[_%]|.", name, re.DOTALL)
    return (
        re.fullmatch("".join(_PATTERN.get(p, re.escape(p[-1])) for p in parts), database, re.DOTALL)
        is not None
    )


_PATTERN = {"%": ".*", "_": "."}


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: the quoted ``'user'@'host'``, and of which flavour the server is."""

    name: str
    mariadb: bool


def lacks(session: Session, database: str, account: Account) -> tuple[Lack, ...]:
    """What a dump of this database by this account would lack, each with the GRANT that mends it."""
    rights = read((line for (line,) in session.rows("SHOW GRANTS")), database)
    return (*_missing(rights, database, account), *_hidden_routines(session, rights, database, account))


@dataclass(frozen=True, slots=True)
class _Needed:
    """What a right on the whole database is for; ``silent``: the dump tools say nothing without it."""

    kind: str
    what: str
    silent: bool


NEEDED = {
    "SELECT": _Needed(
        "tables", "tables cannot all be read", silent=True
    ),  # those without any right are not seen
    "SHOW VIEW": _Needed("views", "views would be missing", silent=False),
    "TRIGGER": _Needed("triggers", "triggers would be missing", silent=True),
    "EVENT": _Needed("events", "events would be missing", silent=False),
}
"""The rights on a database that a complete dump of it takes."""


def _missing(rights: Rights, database: str, account: Account) -> list[Lack]:
    where = rights.pattern or pattern(database)
    return [
        Lack(needed.kind, needed.what, f"GRANT {right} ON {where}.* TO {account.name}", needed.silent)
        for right, needed in NEEDED.items()
        if not rights.has(right)
    ]


def pattern(database: str) -> str:
    r"""The database's name as a GRANT takes it: ``_`` and ``%`` stand for themselves when escaped."""
    return quoted(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))


def _hidden_routines(session: Session, rights: Rights, database: str, account: Account) -> list[Lack]:
    """Routines are seen in full by their definer, or with a right of their own.

    MySQL from 8.0.20: SHOW_ROUTINE, or SELECT on everything. MariaDB: SELECT on mysql.proc, from
    11.3 SHOW CREATE ROUTINE on the database.
    """
    if account.mariadb:
        seen = rights.may_read("mysql", "proc") and (
            rights.has_everywhere("SELECT") or ("mysql", "proc") in rights.tables
        )
        seen = seen or rights.has("SHOW CREATE ROUTINE")
        grant = f"GRANT SELECT ON mysql.proc TO {account.name}"
    else:
        seen = rights.has_everywhere("SHOW_ROUTINE") or rights.has_everywhere("SELECT")
        grant = f"GRANT SHOW_ROUTINE ON *.* TO {account.name}"
    if seen:
        return []
    sql = f"SELECT COUNT(*) FROM information_schema.routines WHERE {of_schema('routine_schema')}"
    named = any(rights.has(right) for right in ("CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"))
    try:
        hidden = session.value(sql + " AND routine_definition IS NULL", database, database)
    except BackupError:
        hidden = 0
    if named and not hidden:
        return []  # all names are seen, and so are all bodies
    return [Lack("routines", "routines would be missing", grant, silent=True)]
