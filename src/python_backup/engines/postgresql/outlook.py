"""What a PostgreSQL server lacks for a restore, or would make otherwise; asks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from python_backup.engines.disk import room
from python_backup.engines.engine import Wanted
from python_backup.engines.finding import Finding, Severity
from python_backup.engines.postgresql.connection import identifier, major, query, text
from python_backup.instance import Instance

_EVERYWHERE = {"c", "posix", "c.utf8", "ucs_basic"}
_UTF8 = {"utf8", "unicode"}
_FIRST_WITH_ICU = 15


@dataclass(frozen=True, slots=True)
class Account:
    """Who restores, and what the account may do to the server."""

    name: str
    superuser: bool
    creates: bool


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one server through a connection to any of its databases."""

    connection: psycopg.Connection
    instance: Instance
    version: int
    wanted: Wanted

    def findings(self) -> Iterator[Finding]:
        """All that is found; the connection's errors are psycopg's."""
        account = self._account()
        yield from self._server()
        yield from self._rights(account)
        yield from self._extensions(account)
        yield from self._tablespaces()
        yield from self._collations()
        yield from self._locale()
        yield room(self.wanted, self.instance, self._data_folder())

    def _rows(self, sql: str, *values: str) -> list[tuple[str, ...]]:
        found = query(self.connection, sql.encode(), *(value.encode() for value in values))
        return [tuple(text(value) for value in row) for row in found]

    def _account(self) -> Account:
        [(name, superuser, creates)] = self._rows(
            "SELECT rolname, rolsuper, rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user"
        )
        return Account(name, superuser == "t", creates == "t" or superuser == "t")

    def _server(self) -> Iterator[Finding]:
        if self._rows("SELECT pg_catalog.pg_is_in_recovery()") == [("t",)]:
            yield Finding(
                Severity.BLOCKS, "standby", "the server is a standby, which takes no changes",
                "Restore to its primary, or promote it.",
            )  # fmt: skip
        theirs = self.wanted.version
        if theirs and theirs[:1].isdigit() and major(theirs) > self.version:
            yield Finding(
                Severity.DIFFERS,
                "version",
                f"the dump is of PostgreSQL {theirs}, the server is {self.version}:"
                " what it does not know makes the restore fail",
            )

    def _rights(self, account: Account) -> Iterator[Finding]:
        role = text(identifier(account.name.encode()))
        if not account.creates:
            yield Finding(
                Severity.BLOCKS, "right", f"account {account.name!r} may not make databases",
                f"ALTER ROLE {role} CREATEDB",
            )  # fmt: skip
        if self.wanted.replaces:
            [(owner, owned)] = self._rows(
                "SELECT r.rolname, pg_catalog.pg_has_role(d.datdba, 'USAGE') FROM pg_catalog.pg_database d"
                " JOIN pg_catalog.pg_roles r ON r.oid = d.datdba WHERE d.datname = $1",
                self.wanted.target,
            )
            if owned != "t":
                yield Finding(
                    Severity.BLOCKS, "right",
                    f"database {self.wanted.target!r} belongs to {owner!r}; its owner alone may rename it",
                    f"GRANT {text(identifier(owner.encode()))} TO {role} -- or restore as a superuser",
                )  # fmt: skip
        for what in () if account.superuser else self.wanted.needs.of("superuser"):
            yield Finding(
                Severity.BLOCKS, "right", f"the dump makes {what}, which takes a superuser",
                f"ALTER ROLE {role} SUPERUSER -- or restore as a superuser",
            )  # fmt: skip

    def _extensions(self, account: Account) -> Iterator[Finding]:
        there = {
            name: (superuser == "t", trusted == "t")
            for name, superuser, trusted in self._rows(
                "SELECT e.name, v.superuser, v.trusted FROM pg_catalog.pg_available_extensions e"
                " JOIN pg_catalog.pg_available_extension_versions v"
                " ON v.name = e.name AND v.version = e.default_version"
            )
        }
        for name, line in self.wanted.needs.of("extensions").items():
            if name not in there:
                yield Finding(
                    Severity.BLOCKS, "extension",
                    f"extension {name!r} (line {line}) is not on the server",
                    "Install its package on the server's machine; see pg_available_extensions.",
                )  # fmt: skip
            elif there[name] == (True, False) and not account.superuser:
                yield Finding(
                    Severity.BLOCKS, "right",
                    f"extension {name!r} (line {line}) can be made by a superuser alone",
                    f"ALTER ROLE {text(identifier(account.name.encode()))} SUPERUSER -- or restore as one",
                )  # fmt: skip

    def _tablespaces(self) -> Iterator[Finding]:
        there: dict[str, str] = {
            row[0]: row[1]
            for row in self._rows(
                "SELECT spcname, pg_catalog.has_tablespace_privilege(oid, 'CREATE')"
                " FROM pg_catalog.pg_tablespace"
            )
        }
        for name, line in self.wanted.needs.of("tablespaces").items():
            if name not in {*there, "pg_default"}:
                yield Finding(
                    Severity.BLOCKS, "tablespace",
                    f"tablespace {name!r} (line {line}) is not on the server",
                    f"CREATE TABLESPACE {text(identifier(name.encode()))} LOCATION '…'",
                )  # fmt: skip
            elif there.get(name) == "f" and name != "pg_default":
                quoted = text(identifier(name.encode()))
                yield Finding(
                    Severity.BLOCKS, "right", f"no right to store in tablespace {name!r} (line {line})",
                    f"GRANT CREATE ON TABLESPACE {quoted} TO the account",
                )  # fmt: skip

    def _collations(self) -> Iterator[Finding]:
        there = {name for (name,) in self._rows("SELECT collname FROM pg_catalog.pg_collation")}
        for name, line in self.wanted.needs.of("collations").items():
            if name not in {*there, "default"}:
                yield Finding(
                    Severity.BLOCKS, "collation",
                    f"collation {name!r} (line {line}) is not on the server",
                    "Install its locale on the server's machine, then run pg_import_system_collations.",
                )  # fmt: skip

    def _locale(self) -> Iterator[Finding]:
        told = dict(self.wanted.like.properties) if self.wanted.like else {}
        provider = told.get("locale_provider", "libc").lower()
        if provider != "libc" and self.version < _FIRST_WITH_ICU:
            yield Finding(
                Severity.DIFFERS, "locale",
                f"the dump's database has locale provider {provider}, the server knows libc alone",
            )  # fmt: skip
        there = _EVERYWHERE | {
            _plain(name)
            for (name,) in self._rows(
                "SELECT collcollate FROM pg_catalog.pg_collation WHERE collcollate IS NOT NULL"
                " UNION SELECT datcollate FROM pg_catalog.pg_database"
            )
        }
        for name in sorted({told[key] for key in ("locale", "lc_collate", "lc_ctype") if key in told}):
            if provider == "libc" and _plain(name) not in there:
                utf8 = told.get("encoding", "").lower().replace("-", "") in _UTF8
                yield Finding(
                    Severity.DIFFERS,
                    "locale",
                    f"locale {name!r} of the dump's database is not on the server:"
                    f" {'C.UTF-8' if utf8 else 'C'} would be taken, which sorts otherwise",
                    "Install the locale on the server's machine.",
                )

    def _data_folder(self) -> str | None:
        [(allowed,)] = self._rows("SELECT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')")
        if allowed != "t":
            return None
        return self._rows("SELECT pg_catalog.current_setting('data_directory')")[0][0]


def look(
    connection: psycopg.Connection, instance: Instance, version: int, wanted: Wanted
) -> tuple[Finding, ...]:
    """Everything that one server lacks for this restore; ``version`` is its major number.

    Raises:
        psycopg.Error: to be converted.
    """
    return tuple(Look(connection, instance, version, wanted).findings())


def lost_grants(connection: psycopg.Connection, wanted: Wanted) -> tuple[Finding, ...]:
    """Roles that have rights on the target's objects now, and that the dump grants nothing."""
    found = ((text(role), text(count)) for role, count in query(connection, _GRANTED))
    return tuple(
        Finding(
            Severity.DIFFERS,
            "grants",
            f"role {role!r} has rights on {objects} objects of {wanted.target!r}; the dump grants it nothing",
            "Grant them again after the restore.",
        )
        for role, objects in found
        if role not in wanted.needs.of("grantees")
    )


_GRANTED = b"""
SELECT r.rolname, pg_catalog.count(DISTINCT o.oid)
FROM (
    SELECT oid, relacl AS acl, relowner AS owner, relnamespace AS space FROM pg_catalog.pg_class
    UNION ALL SELECT oid, proacl, proowner, pronamespace FROM pg_catalog.pg_proc
    UNION ALL SELECT oid, nspacl, nspowner, oid FROM pg_catalog.pg_namespace
) o
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
JOIN pg_catalog.pg_namespace n ON n.oid = o.space
WHERE a.grantee <> o.owner AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND r.rolname !~ '^pg_'
GROUP BY 1 ORDER BY 1"""


def _plain(locale: str) -> str:
    """A locale's name as systems compare it: ``de_DE.UTF-8`` and ``de_DE.utf8`` are one."""
    return locale.lower().replace("-", "")
