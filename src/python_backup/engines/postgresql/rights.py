"""What an account may not read, so that pg_dump would fail, or leave it out without a word."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from python_backup.engines.engine import Lack
from python_backup.engines.postgresql.connection import identifier, text, together

READ_HINT = "Let the account read everything: GRANT pg_read_all_data TO it (14 and later)."

ROWS = "rows"
"""The kind of lack that is no right on an object: row-level security hides some of a table's rows."""

UNLOGGED = "unlogged_tables"
"""The kind of lack that no right mends: a standby has no rows of them."""

SHOWN = 3
"""Objects that one problem names; the rest is counted."""

_OF_USERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


_GRANT_LARGE_OBJECTS = (
    "DO $grant$ DECLARE n oid; BEGIN FOR n IN SELECT oid FROM pg_largeobject_metadata LOOP"
    " EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO %I', n, {account}); END LOOP; END $grant$"
)


@dataclass(frozen=True, slots=True)
class _Question:
    """One kind of lack: its words, its remedy, and the question for schemas and names that have it.

    ``silent``: pg_dump goes on without it; else it fails.
    """

    kind: str
    what: str
    remedy: str
    sql: str
    silent: bool = False


def barred(database: bytes, user: bytes) -> Lack:
    """The lack of an account that may not connect to a database."""
    remedy = b"GRANT CONNECT ON DATABASE %s TO %s" % (identifier(database), identifier(user))
    return Lack("database", "no right to connect to the database", text(remedy))


_QUESTIONS = (
    _Question(
        "schemas",
        "schema {schema} cannot be used",
        "GRANT USAGE ON SCHEMA {schema} TO {user}",
        f"""SELECT n.nspname, '' FROM pg_namespace n
            WHERE {_OF_USERS} AND NOT has_schema_privilege(n.oid, 'USAGE')""",
    ),
    _Question(
        "tables",
        "tables in schema {schema} cannot be read ({names})",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}",
        f"""SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_OF_USERS} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
              AND NOT has_table_privilege(c.oid, 'SELECT')""",
    ),
    _Question(
        "sequences",
        "sequences in schema {schema} cannot be read ({names})",
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {user}",
        f"""SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_OF_USERS} AND c.relkind = 'S' AND c.relpersistence <> 't'
              AND NOT has_table_privilege(c.oid, 'SELECT')""",
    ),
    _Question(
        ROWS,
        "row-level security hides rows of tables in schema {schema} ({names})",
        "ALTER ROLE {user} BYPASSRLS",
        f"""SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_OF_USERS} AND c.relrowsecurity AND row_security_active(c.oid)""",
    ),
    _Question(
        UNLOGGED,
        "rows of unlogged tables in schema {schema} are not on a standby ({names})",
        "dump the primary, or ALTER TABLE … SET LOGGED there",
        f"""SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_OF_USERS} AND c.relkind = 'r' AND c.relpersistence = 'u' AND pg_is_in_recovery()""",
        silent=True,
    ),
    _Question(
        "large_objects",
        "large objects cannot be read ({names})",
        _GRANT_LARGE_OBJECTS,
        """SELECT '', l.oid FROM pg_largeobject_metadata l
           WHERE NOT pg_has_role(l.lomowner, 'USAGE')
             AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT'
                 AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))""",
    ),
    _Question(
        "subscriptions",
        "subscriptions would be left out ({names})",
        "ALTER ROLE {user} SUPERUSER",
        """SELECT '', s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
           WHERE d.datname = current_database()
             AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)""",
        silent=True,
    ),
    _Question(
        "user_mappings",
        "options of user mappings would be left out (servers {names})",
        "ALTER ROLE {user} SUPERUSER",
        """SELECT DISTINCT '', m.srvname FROM pg_user_mappings m
           WHERE m.umoptions IS NULL AND m.usename IS DISTINCT FROM current_user
             AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)""",
        silent=True,
    ),
)
"""A superuser has none of them on a primary: every privilege function says yes, and row security is off."""


def lacks(connection: psycopg.Connection) -> tuple[Lack, ...]:
    """What a dump by this account would fail on or lack; one for each schema and kind."""
    asked = (f"SELECT quote_ident(s), o FROM ({one.sql}) AS q (s, o) ORDER BY 1, 2" for one in _QUESTIONS)
    who = b"SELECT quote_ident(current_user), quote_literal(current_user)"
    path = b"SET search_path TO pg_catalog"
    _, [(user, account)], *answers = together(connection, (path, who, *(one.encode() for one in asked)))
    found: list[Lack] = []
    for question, rows in zip(_QUESTIONS, answers, strict=True):
        schemas: dict[str, list[str]] = {}
        for in_schema, name in rows:
            schemas.setdefault(text(in_schema), []).append(text(name))
        for schema, names in schemas.items():
            words = {
                "schema": schema, "names": _listed(names), "user": text(user), "account": text(account),
            }  # fmt: skip
            what, remedy = (sentence.format(**words) for sentence in (question.what, question.remedy))
            found.append(Lack(question.kind, what, remedy, question.silent))
    return tuple(dict.fromkeys(found))


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
