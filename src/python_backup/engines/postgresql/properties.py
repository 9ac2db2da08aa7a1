"""What belongs to a database and not to its contents, carried from one database of a server to another.

Owner, grants, ``ALTER DATABASE … SET``, ``ALTER ROLE … IN DATABASE … SET``, connection limit, comment,
security labels, IS_TEMPLATE and ALLOW_CONNECTIONS. Only what differs is touched, so that an account
needs no right for what is the same already. A database's tablespace cannot be changed within a
transaction and is only warned of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import psycopg

from python_backup.engines.postgresql.connection import converting, identifier, literal, query, text

_DATABASE = b"""
SELECT r.rolname, CASE d.datconnlimit WHEN -2 THEN -1 ELSE d.datconnlimit END, d.datistemplate,
       d.datallowconn, shobj_description(d.oid, 'pg_database'), t.spcname
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = $1"""
"""The limit -2 is the mark of a database whose DROP was interrupted (DATCONNLIMIT_INVALID_DB): no limit."""

_GRANTS = b"""
SELECT g.rolname, e.rolname, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
     JOIN pg_roles g ON g.oid = a.grantor LEFT JOIN pg_roles e ON e.oid = a.grantee
WHERE d.datname = $1 ORDER BY 1, 2, 3, 4"""

_SETTINGS = b"""
SELECT r.rolname, c.item
FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid
     LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) WITH ORDINALITY AS c (item, place)
WHERE d.datname = $1 ORDER BY r.rolname NULLS FIRST, c.place"""

_LABELS = b"""
SELECT l.provider, l.label FROM pg_database d JOIN pg_shseclabel l
    ON l.objoid = d.oid AND l.classoid = 'pg_database'::regclass
WHERE d.datname = $1 ORDER BY 1"""

_MAY_BECOME = b"SELECT rolname FROM pg_roles WHERE pg_has_role(oid, %s)"

_LISTS = frozenset(
    {
        b"local_preload_libraries",
        b"search_path",
        b"session_preload_libraries",
        b"shared_preload_libraries",
        b"temp_tablespaces",
        b"unix_socket_directories",
    }
)
"""Settings whose stored value is a list of quoted names (GUC_LIST_QUOTE; pg_dump has the same list)."""

_LIST_ITEM = re.compile(rb'\s*(?:"((?:[^"]|"")*)"|([^,"]*?))\s*(?:,|\Z)')

_HINT = (
    "Restore with a superuser, or as the owner with the rights that this needs,"
    " or leave it as the dump has it: --database-properties dump."
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege of one role; ``grantee`` None is PUBLIC."""

    grantor: bytes
    grantee: bytes | None
    privilege: bytes
    grantable: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a database, or with ``role`` of that role in it; ``value`` as the catalog has it."""

    role: bytes | None
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Properties:
    """All of one database's own; names and texts are bytes, as the server's catalogs have them."""

    owner: bytes
    limit: bytes
    template: bool
    connectable: bool
    comment: bytes | None
    tablespace: bytes
    grants: tuple[Grant, ...]
    settings: tuple[Setting, ...]
    labels: tuple[tuple[bytes, bytes], ...]


def read(connection: psycopg.Connection, database: str) -> Properties:
    """The database's properties; the connection's search_path must be pg_catalog."""
    name = database.encode()
    [(owner, limit, template, connectable, comment, tablespace)] = query(connection, _DATABASE, name)
    grants = query(connection, _GRANTS, name)
    settings = [(role, *(item or b"").partition(b"=")) for role, item in query(connection, _SETTINGS, name)]
    return Properties(
        owner=owner or b"",
        limit=limit or b"",
        template=template == b"t",
        connectable=connectable == b"t",
        comment=comment,
        tablespace=tablespace or b"",
        grants=tuple(Grant(by or b"", to, what or b"", again == b"t") for by, to, what, again in grants),
        settings=tuple(Setting(role, setting, value) for role, setting, _, value in settings),
        labels=tuple((by or b"", label or b"") for by, label in query(connection, _LABELS, name)),
    )


def carry(connection: psycopg.Connection, old: str, new: str) -> tuple[str, ...]:
    """Gives ``new`` the properties of ``old``, within the caller's transaction; returns warnings.

    Raises:
        NotPermitted: the account may not give one of them; the transaction is of no use then.
    """
    name = identifier(new.encode())
    with converting(f"properties of database {old!r} cannot be read"):
        wanted, found = read(connection, old), read(connection, new)
    if found.owner != wanted.owner:
        _run(connection, "owner", old, b"ALTER DATABASE " + name + b" OWNER TO " + identifier(wanted.owner))
        found = read(connection, new)  # the grants are the new owner's now
    for words, sql in _changes(name, wanted, found):
        _run(connection, words, old, sql)
    warnings = []
    if wanted.grants != found.grants:
        warnings += _grant(connection, old, name, wanted, found)
    after = read(connection, new)
    if after.tablespace != wanted.tablespace:
        warnings.append(
            f"database {new!r} is in tablespace {text(after.tablespace)!r}, what it replaces is in"
            f" {text(wanted.tablespace)!r}: ALTER DATABASE … SET TABLESPACE moves it"
        )
    if not warnings and after != replace(wanted, tablespace=after.tablespace):
        raise AssertionError(f"properties of {new!r} are not those of {old!r}: {after} {wanted}")
    return tuple(warnings)


def _run(connection: psycopg.Connection, words: str, old: str, sql: bytes) -> None:
    with converting(f"{words} of database {old!r} cannot be given to its successor", _HINT):
        query(connection, sql)


def _changes(name: bytes, wanted: Properties, found: Properties) -> Iterator[tuple[str, bytes]]:
    """What makes ``found`` into ``wanted``, except owner and grants: what it is, and its statement."""
    alter = b"ALTER DATABASE " + name
    if found.limit != wanted.limit:
        yield "connection limit", alter + b" CONNECTION LIMIT " + wanted.limit
    if found.template != wanted.template:
        yield "IS_TEMPLATE", alter + b" IS_TEMPLATE " + _word(yes=wanted.template)
    if found.connectable != wanted.connectable:
        yield "ALLOW_CONNECTIONS", alter + b" ALLOW_CONNECTIONS " + _word(yes=wanted.connectable)
    if found.comment != wanted.comment:
        yield "comment", b"COMMENT ON DATABASE " + name + b" IS " + _text_or_null(wanted.comment)
    labels: dict[bytes, bytes | None] = {provider: None for provider, _ in found.labels}
    for provider, label in (labels | dict(wanted.labels)).items():
        if label != dict(found.labels).get(provider):
            yield (
                "security label",
                b"SECURITY LABEL FOR " + identifier(provider) + b" ON DATABASE " + name
                + b" IS " + _text_or_null(label),
            )  # fmt: skip
    for role in dict.fromkeys(s.role for s in (*found.settings, *wanted.settings)):
        yield from _settings(name, role, wanted.settings, found.settings)


def _settings(
    name: bytes, role: bytes | None, wanted: Iterable[Setting], found: Iterable[Setting]
) -> Iterator[tuple[str, bytes]]:
    """All settings of one role anew, where one differs: they keep their order so."""
    ours, theirs = ([s for s in some if s.role == role] for some in (wanted, found))
    if ours == theirs:
        return
    alter = b"ALTER DATABASE " + name
    whose = ""
    if role is not None:
        alter = b"ALTER ROLE " + identifier(role) + b" IN DATABASE " + name
        whose = f" of role {text(role)!r}"
    if theirs:
        yield f"settings{whose}", alter + b" RESET ALL"
    for setting in ours:
        sql = alter + b" SET " + identifier(setting.name) + b" TO " + setting_value(setting)
        yield f"setting {text(setting.name)!r}{whose}", sql


def setting_value(setting: Setting) -> bytes:
    """The catalog's value as SET takes it: where it is a list of names, each is a literal of its own."""
    if setting.name.lower() not in _LISTS:
        return literal(setting.value)
    items, place = [], 0
    while match := _LIST_ITEM.match(setting.value, place):
        quoted, bare = match.groups()
        items.append(bare if quoted is None else quoted.replace(b'""', b'"'))
        place = match.end()
        if not match[0].endswith(b","):
            break
    return b", ".join(literal(item) for item in items)


def _grant(
    connection: psycopg.Connection, old: str, name: bytes, wanted: Properties, found: Properties
) -> list[str]:
    """Takes all grants away and gives the wanted ones, each by its grantor where the account may be it."""
    grantees = dict.fromkeys([None, found.owner, *(grant.grantee for grant in found.grants)])
    everyone = b", ".join(_grantee(who) for who in grantees)
    _run(connection, "grants", old, b"REVOKE ALL ON DATABASE " + name + b" FROM " + everyone + b" CASCADE")
    usable = b"'SET'" if connection.pgconn.server_version >= 160000 else b"'MEMBER'"  # noqa: PLR2004 - parted there
    others = {grant.grantor for grant in wanted.grants} - {wanted.owner}
    possible = {role for (role,) in query(connection, _MAY_BECOME % usable)} if others else set()
    warnings = []
    for grant in _in_order(wanted):
        sql = b"GRANT " + grant.privilege + b" ON DATABASE " + name + b" TO " + _grantee(grant.grantee)
        sql += b" WITH GRANT OPTION" if grant.grantable else b""
        words = f"grant of {text(grant.privilege)} to {text(grant.grantee or b'PUBLIC')!r}"
        if grant.grantor in others and grant.grantor in possible:
            _run(connection, words, old, b"SET LOCAL ROLE " + identifier(grant.grantor))
            _run(connection, words, old, sql)
            _run(connection, words, old, b"RESET ROLE")
            continue
        _run(connection, words, old, sql)
        if grant.grantor in others:
            warnings.append(f"{words} on the database was by {text(grant.grantor)!r}, is by its owner now")
    return warnings


def _in_order(wanted: Properties) -> Iterator[Grant]:
    """The grants so that each grantor has its own right before it gives it on."""
    left, holders = list(wanted.grants), {(wanted.owner, grant.privilege) for grant in wanted.grants}
    while left:
        ready = [grant for grant in left if (grant.grantor, grant.privilege) in holders]
        if not ready:
            raise AssertionError(f"grants without a root: {left}")
        yield from ready
        holders |= {(g.grantee, g.privilege) for g in ready if g.grantable and g.grantee is not None}
        left = [grant for grant in left if grant not in ready]


def _grantee(role: bytes | None) -> bytes:
    return b"PUBLIC" if role is None else identifier(role)


def _word(*, yes: bool) -> bytes:
    return b"true" if yes else b"false"


def _text_or_null(value: bytes | None) -> bytes:
    return b"NULL" if value is None else literal(value)
