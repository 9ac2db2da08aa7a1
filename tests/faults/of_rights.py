"""Rights that the account lacks, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from faults.fault import Fault
from faults.stage import SOURCE, Outcome, Stage
from support import databases

ACCOUNT = "limited"
PASSWORD = "a password of its own"
DENIED = "permission denied|denied|privilege|not permitted|GRANT"


def _postgresql(
    taken: Sequence[str] = (),
    *,
    given: bool = True,
    setup: Sequence[str] = (),
    undo: Sequence[str] = (),
    **role: str,
) -> Callable[[Stage], Outcome]:
    """A role that may read everything, but for what these statements take from it."""

    def play(stage: Stage) -> Outcome:
        server = stage.server
        rights = (
            f"GRANT USAGE ON SCHEMA public TO {ACCOUNT}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ACCOUNT}",
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {ACCOUNT}",
        )
        databases.execute(
            server, SOURCE, f"CREATE ROLE {ACCOUNT} LOGIN PASSWORD '{PASSWORD}'", *setup,
            *(rights if given else ()), *taken,
        )  # fmt: skip
        try:
            stage.configure(instance={"username": ACCOUNT, "password": role.get("password", PASSWORD)})
            return stage.backup()
        finally:
            databases.execute(server, SOURCE, *undo, f"DROP OWNED BY {ACCOUNT}", f"DROP ROLE {ACCOUNT}")

    return play


MYSQL_RIGHTS = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "LOCK TABLES")


def _mysql(
    *lacking: str, grants: Sequence[str] | None = None, routines: bool = True, then: Sequence[str] = (),
) -> Callable[[Stage], Outcome]:  # fmt: skip
    """An account with every right that a dump needs, but for these."""

    def play(stage: Stage) -> Outcome:
        server, user = stage.server, f"{ACCOUNT}@'%'"
        rights = [right for right in MYSQL_RIGHTS if right not in lacking]
        given = (
            [f"GRANT {', '.join(rights)} ON {SOURCE}.* TO {user}"]
            if grants is None
            else [g.format(user=user) for g in grants]
        )
        if routines:
            on = "SELECT ON mysql.proc" if server.dbms == "mariadb" else "SHOW_ROUTINE ON *.*"
            given.append(f"GRANT {on} TO {user}")
        databases.execute(
            server,
            None,
            f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'",
            *given,
            *(s.format(user=user) for s in then),
        )
        try:
            stage.configure(instance={"username": ACCOUNT, "password": PASSWORD})
            return stage.backup()
        finally:
            with suppress(Exception):
                databases.execute(server, None, f"DROP USER {user}")

    return play


PG = ("postgresql",)
MY = ("mysql",)
NEEDLESS = "a dump in one snapshot takes no such right"

FAULTS = (
    Fault("no right at all", _postgresql(given=False), (1, 4), DENIED, families=PG),
    Fault(
        "no CONNECT on the database",
        _postgresql([f"REVOKE CONNECT ON DATABASE {SOURCE} FROM PUBLIC"], undo=[f"GRANT CONNECT ON DATABASE {SOURCE} TO PUBLIC"]),
        (1, 2, 4), DENIED, families=PG,
    ),
    Fault(
        "no USAGE on a schema",
        _postgresql(setup=["CREATE SCHEMA hidden", "CREATE TABLE hidden.t (a int)", f"GRANT SELECT ON hidden.t TO {ACCOUNT}"],
                    undo=["DROP SCHEMA hidden CASCADE"]),
        (1, 4), DENIED, families=PG,
    ),
    Fault("no SELECT on one table", _postgresql([f"REVOKE SELECT ON zebra FROM {ACCOUNT}"]), (1, 4), DENIED, families=PG),
    Fault(
        "SELECT on one column alone",
        _postgresql([f"REVOKE SELECT ON zebra FROM {ACCOUNT}", f"GRANT SELECT (id) ON zebra TO {ACCOUNT}"]),
        (1, 4), DENIED, families=PG,
    ),
    Fault("no SELECT on a sequence", _postgresql([f"REVOKE SELECT ON counted FROM {ACCOUNT}"]), (1, 4), DENIED, families=PG),
    Fault(
        "no SELECT on a large object", _postgresql(setup=["SELECT lo_create(4711)"], undo=["SELECT lo_unlink(4711)"]),
        (1, 4), DENIED, families=PG,
    ),
    Fault(
        "row-level security",
        _postgresql(["ALTER TABLE zebra ENABLE ROW LEVEL SECURITY"], undo=["ALTER TABLE zebra DISABLE ROW LEVEL SECURITY"]),
        (1, 4), "row-level security", families=PG,
    ),
    Fault(
        "no right on a subscription",
        _postgresql(setup=["CREATE SUBSCRIPTION fed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)"],
                    undo=["ALTER SUBSCRIPTION fed SET (slot_name = NONE)", "DROP SUBSCRIPTION fed"]),
        7, "fed|subscription", families=PG,
    ),
    Fault("the account may not log in", _postgresql([f"ALTER ROLE {ACCOUNT} NOLOGIN"]), 4, "log in|login", families=PG),
    Fault(
        "the account's password has expired", _postgresql([f"ALTER ROLE {ACCOUNT} VALID UNTIL '2001-01-01'"]), 4,
        "password|authentication", families=PG,
    ),
    Fault(
        "one connection is all that the account may have", _postgresql([f"ALTER ROLE {ACCOUNT} CONNECTION LIMIT 1"]),
        (1, 4), "too many connections", families=PG,
    ),
    Fault(
        "no connection is all that the database may have",
        _postgresql([f"ALTER DATABASE {SOURCE} CONNECTION LIMIT 0"], undo=[f"ALTER DATABASE {SOURCE} CONNECTION LIMIT -1"]),
        (1, 4), "too many connections", families=PG,
    ),
    Fault("no right at all", _mysql(grants=[], routines=False), (1, 2, 4), DENIED + "|no database", families=MY),
    Fault("rights on another database alone", _mysql(grants=["GRANT SELECT ON mysql.* TO {user}"]), (1, 2, 4), DENIED + "|no database", families=MY),
    Fault("no SELECT", _mysql("SELECT"), (1, 4, 7), DENIED, families=MY),
    Fault(
        "SELECT on one table alone", _mysql(grants=[f"GRANT SELECT ON {SOURCE}.customer TO {{user}}"]), 7,
        "SELECT", families=MY,
    ),
    Fault(
        "SELECT on one column alone", _mysql(grants=[f"GRANT SELECT (id) ON {SOURCE}.customer TO {{user}}"]), (1, 4, 7),
        DENIED, families=MY,
    ),
    *(
        Fault(f"no {right}", _mysql(right), 7, right, families=MY)
        for right in ("SHOW VIEW", "TRIGGER", "EVENT")
    ),
    Fault(
        "no right to see routines", _mysql(routines=False), 7, "mysql.proc|SHOW_ROUTINE", families=MY,
    ),
    Fault("no LOCK TABLES", _mysql("LOCK TABLES"), 0, "", ends="done", why=NEEDLESS, families=MY),
    Fault("no PROCESS, no RELOAD", _mysql(), 0, "", ends="done", why=NEEDLESS, families=MY),
    Fault("the account is locked", _mysql(then=["ALTER USER {user} ACCOUNT LOCK"]), 4, "locked|denied", families=MY),
    Fault("the account's password has expired", _mysql(then=["ALTER USER {user} PASSWORD EXPIRE"]), 4, "password|expired", families=MY),
    Fault(
        "one connection is all that the account may have", _mysql(then=["ALTER USER {user} WITH MAX_USER_CONNECTIONS 1"]),
        (1, 4), "max_user_connections|1226", families=MY,
    ),
    Fault(
        "few statements are all that the account may send", _mysql(then=["ALTER USER {user} WITH MAX_QUERIES_PER_HOUR 12"]),
        (1, 4), "max_queries|1226", families=MY,
    ),
)  # fmt: skip
