"""What a MySQL or MariaDB server lacks for a restore, or would make otherwise; changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from python_backup.engines.disk import room
from python_backup.engines.engine import Wanted
from python_backup.engines.finding import Finding, Severity
from python_backup.engines.mysql import rights, target
from python_backup.engines.mysql.connection import Session
from python_backup.errors import NotPermitted
from python_backup.instance import Instance
from python_backup.model import label

_ALWAYS = ("SELECT", "INSERT", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "LOCK TABLES")
_FOR = {
    "views": ("CREATE VIEW", "SHOW VIEW"),
    "routines": ("CREATE ROUTINE", "ALTER ROUTINE"),
    "triggers": ("TRIGGER",),
    "events": ("EVENT",),
}
"""The rights that a database's objects take, by kind."""

_ON_TABLES = "SELECT user, host, table_name FROM mysql.tables_priv WHERE db = %s ORDER BY 1, 2"
_ON_ROUTINES = "SELECT user, host, routine_name FROM mysql.procs_priv WHERE db = %s ORDER BY 1, 2"

_WRITES_READ_ONLY = ("SUPER", "CONNECTION_ADMIN", "READ_ONLY ADMIN", "READ ONLY ADMIN")


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one server."""

    session: Session
    instance: Instance
    wanted: Wanted

    def findings(self) -> Iterator[Finding]:
        """All that is found."""
        lines = [line for (line,) in self.session.rows("SHOW GRANTS")]
        yield from self._version()
        yield from self._server(rights.read(lines, self.wanted.target))
        yield from self._rights(lines)
        yield from self._packet()
        yield from self._engines()
        if self.wanted.replaces:
            yield from self._lost_grants()
        charset = target.charset_of(self.wanted.like, target.collations(self.session))
        for warning in charset.warnings:
            yield Finding(Severity.DIFFERS, "charset", warning)
        yield room(self.wanted, self.instance, str(self.session.value("SELECT @@datadir")))

    def _version(self) -> Iterator[Finding]:
        theirs, ours = self.wanted.version, self.session.version
        if not theirs:
            return
        families = [name.lower().count("mariadb") > 0 for name in (theirs, ours)]
        if families[0] is not families[1]:
            yield Finding(
                Severity.DIFFERS, "version",
                f"the dump is of {_family(theirs)}, the server is {_family(ours)}:"
                " what the two write differently is changed where it can be",
            )  # fmt: skip
        elif _numbers(theirs)[:2] > _numbers(ours)[:2]:
            yield Finding(
                Severity.DIFFERS, "version",
                f"the dump is of {_family(theirs)}, the server is older: {_family(ours)};"
                " what it does not know makes the restore fail",
            )  # fmt: skip

    def _server(self, mine: rights.Rights) -> Iterator[Finding]:
        settings = self._settings(
            "read_only", "super_read_only", "log_bin", "log_bin_trust_function_creators"
        )
        strong = any(mine.has_everywhere(right) for right in _WRITES_READ_ONLY)
        if settings.get("super_read_only") == "ON" or (settings.get("read_only") == "ON" and not strong):
            yield Finding(
                Severity.BLOCKS, "read_only", "the server is read-only",
                "Restore to the primary, or SET GLOBAL read_only = OFF.",
            )  # fmt: skip
        trusted = settings.get("log_bin") != "ON" or settings.get("log_bin_trust_function_creators") == "ON"
        for kind in ("functions", "triggers"):
            made = self.wanted.needs.of(kind)
            if made and not trusted and not mine.has_everywhere("SUPER"):
                yield Finding(
                    Severity.BLOCKS, "right",
                    f"the dump makes {kind} ({len(made)}, the first in line {min(made.values())}),"
                    " which the server's binary log lets nobody without SUPER make",
                    "SET GLOBAL log_bin_trust_function_creators = 1",
                )  # fmt: skip

    def _settings(self, *names: str) -> Mapping[str, str]:
        marks = ", ".join(["%s"] * len(names))
        return dict(self.session.rows(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({marks})", *names))

    def _rights(self, lines: list[str]) -> Iterator[Finding]:
        """The rights on every database that the restore makes; rights on the target alone do not do."""
        needed = [
            *_ALWAYS,
            *(r for kind, some in _FOR.items() if self.wanted.facts.objects.get(kind) for r in some),
        ]
        account = target.quoted_account(target.current_account(self.session))
        for name in self.wanted.names:
            mine = rights.read(lines, name)
            lacks = [right for right in needed if not mine.has(right)]
            if lacks:
                yield Finding(
                    Severity.BLOCKS, "right",
                    f"the account lacks rights on database {name!r}: {', '.join(lacks)}",
                    f"GRANT ALL ON {_pattern(self.wanted.target)}.* TO {account}",
                )  # fmt: skip
                return

    def _packet(self) -> Iterator[Finding]:
        largest, needs = int(self.session.value("SELECT @@global.max_allowed_packet")), self.wanted.needs
        if needs.longest >= largest:
            yield Finding(
                Severity.BLOCKS, "max_allowed_packet",
                f"the statement in line {needs.longest_line} has {needs.longest:,} bytes,"
                f" the server's max_allowed_packet is {largest:,}",
                "SET GLOBAL max_allowed_packet = 1073741824",
            )  # fmt: skip

    def _engines(self) -> Iterator[Finding]:
        there = {
            str(name).lower()
            for name, support in self.session.rows("SELECT engine, support FROM information_schema.engines")
            if support in {"YES", "DEFAULT"}
        }
        strict = "NO_ENGINE_SUBSTITUTION" in str(self.session.value("SELECT @@global.sql_mode"))
        for name, line in self.wanted.needs.of("engines").items():
            if name not in there:
                yield Finding(
                    Severity.BLOCKS if strict else Severity.DIFFERS, "engine",
                    f"storage engine {name!r} (line {line}) is not on the server",
                    "Load its plugin, or change the tables' engine at the source.",
                )  # fmt: skip

    def _lost_grants(self) -> Iterator[Finding]:
        """Rights on single tables and routines of the target that are of no use, or gone, afterwards.

        The server keeps rights by name when tables change places. Those on routines go with these; the
        restore gives them again.
        """
        kept = self.wanted.facts.objects
        there = {name for kind in ("tables", "views", "sequences") for name in kept.get(kind, ())}
        routines = {name.lower() for name in kept.get("routines", ())}
        lost: Counter[str] = Counter()
        try:
            for user, host, name in self.session.rows(_ON_TABLES, self.wanted.target):
                lost[target.quoted_account((user, host))] += label(name) not in there
            for user, host, name in self.session.rows(_ON_ROUTINES, self.wanted.target):
                lost[target.quoted_account((user, host))] += label(name).lower() not in routines
        except NotPermitted:
            yield Finding(
                Severity.TELLS, "grants", "rights on single tables and routines cannot be seen",
                "GRANT SELECT ON mysql.* TO the account",
            )  # fmt: skip
            return
        for account, objects in (+lost).items():
            yield Finding(
                Severity.DIFFERS, "grants",
                f"account {account} has rights on {objects} objects of {self.wanted.target!r}"
                " that would be lost",
                "Grant them again after the restore.",
            )  # fmt: skip


def look(session: Session, instance: Instance, wanted: Wanted) -> tuple[Finding, ...]:
    """Everything that one server lacks for this restore."""
    return tuple(Look(session, instance, wanted).findings())


def _pattern(name: str) -> str:
    """The target and what is made beside it, as GRANT takes them."""
    return rights.pattern(name).removesuffix("`") + "%`"


def _family(version: str) -> str:
    name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    return f"{name} {'.'.join(str(n) for n in _numbers(version))}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.partition("-")[0])[:3])
