"""What a statement is about, where that may lie outside one database: a database, a role, the server."""

from __future__ import annotations

from dataclasses import dataclass

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.tokens import Token

ROLE = "role|user|group"


@dataclass(frozen=True, slots=True)
class Subject:
    """A statement's verb, and the kind and name of what it is about.

    ``kind`` is ``database``, ``role``, ``tablespace``, ``system``, or empty for anything else.
    ``database`` is the database that the statement names, and ``token`` its place there; for
    ``ALTER ROLE … IN DATABASE`` the kind is ``database`` and ``roles`` has the role.
    """

    verb: str
    kind: str = ""
    database: str | None = None
    token: Token | None = None
    roles: tuple[str, ...] = ()


def subject_of(at: Cursor) -> Subject:
    """Reads a statement from its first token; the cursor is left after the subject's name."""
    verb = at.peek().word
    if verb in {"create", "drop", "alter"}:
        at.take()
        return _named(verb, at)
    if verb in {"comment", "security"}:
        at.take()
        if at.accept("label", "for"):
            at.take()
        at.accept("label")
        if at.accept("on"):
            return _named(verb, at)
    if verb in {"grant", "revoke"}:
        at.take()
        return _privileges(verb, at)
    if verb == "update":
        return _template_mark(at)
    return Subject(verb)


def _template_mark(at: Cursor) -> Subject:
    """``UPDATE pg_catalog.pg_database SET datistemplate = … WHERE datname = 'x'``: a template's mark."""
    at.take()
    whole = (
        at.name() == ("pg_catalog", "pg_database")
        and at.accept("set", "datistemplate")
        and at.accept_sign(b"=")
        and at.accept("true|false", "where", "datname")
        and at.accept_sign(b"=")
        and at.peek(1).start < 0
    )
    token = at.peek()
    return Subject("update", "database", at.string(), token) if whole else Subject("update")


def _named(verb: str, at: Cursor) -> Subject:
    if at.accept("database"):
        return _database(verb, at)
    if at.sees("user", "mapping"):
        return Subject(verb)
    if at.accept(ROLE):
        at.accept("if", "exists")
        role = at.take().name(at.codec)
        if verb == "alter" and at.accept("in", "database"):
            return _database(verb, at, roles=() if role == "all" else (role,))
        return Subject(verb, "role", roles=(role,))
    for kind in ("tablespace", "system"):
        if at.accept(kind):
            return Subject(verb, kind)
    return Subject(verb)


def _database(verb: str, at: Cursor, roles: tuple[str, ...] = ()) -> Subject:
    at.accept("if", "exists")
    token = at.take()
    return Subject(verb, "database", token.name(at.codec), token, roles)


def _privileges(verb: str, at: Cursor) -> Subject:
    """``GRANT … ON DATABASE x TO …``; without ON, it is about membership in roles."""
    if not at.skip_to("on"):
        return Subject(verb, "role")
    at.take()
    if at.accept("database"):
        return _database(verb, at)
    if at.accept("tablespace"):
        return Subject(verb, "tablespace")
    if at.accept("parameter"):
        return Subject(verb, "system")
    return Subject(verb)
