"""``--owner`` and ``--no-acl``: whose everything is after a restore, and who may do what with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.choices import Choices
from python_backup.errors import Refused, StatementFailed
from python_backup.jobs.in_place import Safety
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from support import databases
from support.jobs import backed_up
from support.pg_trips import script
from support.servers import RunningServer, instance_for
from support.silence import Silence

EVERYTHING = Path(__file__).parents[1] / "engines" / "postgresql" / "everything.sql"

OWNERS = """
SELECT DISTINCT r.rolname, kind FROM (
    SELECT relowner AS who, oid, 'class' FROM pg_class UNION ALL SELECT proowner, oid, 'proc' FROM pg_proc
    UNION ALL SELECT t.typowner, t.oid, CASE 'm' WHEN t.typtype THEN 'multirange'
        WHEN e.typtype THEN 'multirange' ELSE 'type' END FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
    UNION ALL SELECT oprowner, oid, 'operator' FROM pg_operator
    UNION ALL SELECT nspowner, oid, 'namespace' FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT opcowner, oid, 'opclass' FROM pg_opclass
    UNION ALL SELECT opfowner, oid, 'opfamily' FROM pg_opfamily
    UNION ALL SELECT collowner, oid, 'collation' FROM pg_collation
    UNION ALL SELECT conowner, oid, 'conversion' FROM pg_conversion
    UNION ALL SELECT dictowner, oid, 'dictionary' FROM pg_ts_dict
    UNION ALL SELECT cfgowner, oid, 'configuration' FROM pg_ts_config
    UNION ALL SELECT stxowner, oid, 'statistics' FROM pg_statistic_ext
    UNION ALL SELECT lomowner, oid, 'large object' FROM pg_largeobject_metadata
    UNION ALL SELECT pubowner, oid, 'publication' FROM pg_publication
    UNION ALL SELECT srvowner, oid, 'server' FROM pg_foreign_server
    UNION ALL SELECT fdwowner, oid, 'wrapper' FROM pg_foreign_data_wrapper
    UNION ALL SELECT evtowner, oid, 'event trigger' FROM pg_event_trigger
) o (who, oid, kind) JOIN pg_roles r ON r.oid = who
WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
"""
RIGHTS = """
SELECT count(*) FROM (
    SELECT relacl AS acl, relowner AS who FROM pg_class UNION ALL SELECT proacl, proowner FROM pg_proc
    UNION ALL SELECT nspacl, nspowner FROM pg_namespace WHERE nspname !~ '^pg_|^information|^public'
    UNION ALL SELECT typacl, typowner FROM pg_type UNION ALL SELECT lomacl, lomowner FROM pg_largeobject_metadata
    UNION ALL SELECT attacl, NULL FROM pg_attribute UNION ALL SELECT srvacl, srvowner FROM pg_foreign_server
    UNION ALL SELECT defaclacl, NULL FROM pg_default_acl
) o, aclexplode(acl) a JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname LIKE 'vya\\_%'
"""


def for_superusers(server: RunningServer) -> set[str]:
    """What stays with the restoring superuser; before 17 a multirange type does not follow its range's owner."""
    return {"event trigger", "wrapper", "publication"} | ({"multirange"} if server.major[0] < 17 else set())


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Roles:
    """Three roles of this test alone; ``app`` has a name that wants quotes."""

    app: str
    joe: str
    bob: str


@pytest.fixture
def roles(postgresql_server: RunningServer, new_database: Callable[..., str]) -> Iterator[Roles]:
    mark = new_database(postgresql_server, "r", create=False)
    made = Roles(f'vya_{mark} "app"', f"vya_{mark}_joe", f"vya_{mark}_bob")
    named = [databases.quoted(postgresql_server, role) for role in (made.app, made.joe, made.bob)]
    databases.execute(postgresql_server, None, *(f"CREATE ROLE {role}" for role in named))
    yield made
    for database in databases.names(postgresql_server):
        if mark in database:
            databases.drop(postgresql_server, database)
    for role in named:
        databases.execute(postgresql_server, None, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@dataclass(frozen=True)
class Copy:
    """A target of this test's roles, which goes before they do."""

    server: RunningServer
    target: str
    folder: Path

    def restore(self, file: Path, choices: Choices, **further: object) -> RestoreReport:
        request = RestoreRequest(
            file, instance_for(self.server), self.target, force=True, choices=choices,
            safety=Safety(self.folder / "safety"), **further,
        )  # fmt: skip
        report = restore(request, lambda _: False, Silence(), now)
        assert report.equal, report.comparison
        return report

    def owners(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for role, kind in databases.rows(self.server, self.target, OWNERS):
            found.setdefault(role, set()).add(kind)
        return found

    def rights(self) -> int:
        return int(databases.scalar(self.server, self.target, RIGHTS))


@pytest.fixture
def copy(postgresql_server: RunningServer, roles: Roles, tmp_path: Path) -> Copy:
    mark = roles.joe.removeprefix("vya_").removesuffix("_joe")
    return Copy(postgresql_server, f"copy_{mark}", tmp_path)


@pytest.fixture
def full(postgresql_server: RunningServer, roles: Roles, new_database: Callable[..., str]) -> Iterator[str]:
    """A database of every kind, its tables joe's, with rights of bob's in every place that has some."""
    name = new_database(postgresql_server, "full")
    databases.execute(postgresql_server, name, script(EVERYTHING, postgresql_server.major[0]))
    joe, bob = roles.joe, roles.bob
    databases.execute(
        postgresql_server, name,
        f"CREATE SCHEMA AUTHORIZATION {joe}",
        f"CREATE TABLE {joe}.secret (id int, held text)",
        f"ALTER TABLE {joe}.secret OWNER TO {joe}",
        f"GRANT SELECT (id) ON {joe}.secret TO {bob}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {bob} WITH GRANT OPTION",
        f"GRANT USAGE ON SCHEMA {joe} TO {bob}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {joe} GRANT SELECT ON TABLES TO {bob}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {joe} IN SCHEMA {joe} GRANT EXECUTE ON FUNCTIONS TO {bob}",
        f"CREATE FUNCTION {joe}.definer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        f"ALTER FUNCTION {joe}.definer() OWNER TO {joe}",
        f"REVOKE ALL ON FUNCTION {joe}.definer() FROM public",
        f"GRANT EXECUTE ON FUNCTION {joe}.definer() TO {bob}",
        f"ALTER TABLE {joe}.secret ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {joe}.secret TO {bob} USING (held = current_user)",
        f"ALTER TABLE parents OWNER TO {joe}",
    )  # fmt: skip
    yield name
    databases.drop(postgresql_server, name)  # before its roles


def dumped(server: RunningServer, database: str, folder: Path, *options: str) -> Path:
    """What pg_dump writes of it by itself: with owners and rights."""
    path = folder / f"{database}.sql"
    told = ["--host", server.host, "--port", str(server.port), "--username", server.superuser]
    subprocess.run(
        [Path(server.bin) / "pg_dump", *told, *options, "--file", path, database], check=True,
        env={"PGPASSWORD": server.password}, timeout=60,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("options", [(), ("--use-set-session-authorization",), ("--create", "--clean")])
def test_one_role_gets_all_that_a_dump_with_owners_has(
    roles: Roles, full: str, copy: Copy, options: tuple[str, ...]
) -> None:
    file = dumped(copy.server, full, copy.folder, *options)
    copy.restore(file, Choices(owner=roles.app, no_acl=True))
    owners = copy.owners()
    assert set(owners) == {roles.app, copy.server.superuser}
    assert owners[copy.server.superuser] <= for_superusers(copy.server)
    assert copy.rights() == 0


@pytest.mark.parametrize("custom", [False, True], ids=["plain", "by pg_restore's own jobs"])
def test_one_role_gets_all_of_a_backup_that_names_no_owner(
    roles: Roles, full: str, copy: Copy, custom: bool
) -> None:
    result = backed_up(replace(instance_for(copy.server), custom_format=custom), full, copy.folder)
    assert result.path is not None
    copy.restore(result.path, Choices(owner=roles.app), jobs=2)
    owners = copy.owners()
    assert set(owners) == {roles.app, copy.server.superuser}
    assert owners[copy.server.superuser] <= for_superusers(copy.server)
    copy.restore(result.path, Choices(owner=roles.app), in_place=True)
    assert copy.owners() == owners


def test_rights_and_owners_are_as_in_the_dump_when_nothing_is_chosen(
    roles: Roles, full: str, copy: Copy
) -> None:
    copy.restore(dumped(copy.server, full, copy.folder), Choices())
    assert copy.owners().keys() == {roles.joe, copy.server.superuser}
    assert copy.rights() > 0


def test_a_schema_that_is_called_as_its_owner_keeps_its_name(roles: Roles, copy: Copy) -> None:
    file = copy.folder / "hand.sql"
    file.write_text(
        "--\n-- PostgreSQL database dump\n--\n"
        f"CREATE SCHEMA AUTHORIZATION {roles.joe};\nCREATE TABLE {roles.joe}.t (a int);\n"
        "--\n-- PostgreSQL database dump complete\n--\n"
    )
    copy.restore(file, Choices(owner=roles.app))
    assert copy.owners().keys() == {roles.app}
    assert databases.scalar(copy.server, copy.target, f"SELECT count(*) FROM {roles.joe}.t") == 0


def test_a_policy_for_a_role_that_the_server_lacks_is_told_before_the_target_is_touched(
    roles: Roles, full: str, copy: Copy
) -> None:
    file = dumped(copy.server, full, copy.folder)
    file.write_text(file.read_text().replace(roles.bob, "nobody_here"))
    with pytest.raises(Refused, match=r"line \d+: a policy for role 'nobody_here', which the server lacks"):
        copy.restore(file, Choices(no_acl=True, owner=roles.app))


@pytest.mark.parametrize(
    "statement",
    [
        "/* c */ GRANT SELECT ON t TO {bob};",
        "-- c\nGRANT SELECT ON t TO {bob};",
        "grant select (a) on t to {bob};",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO {bob};",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {bob};",
        "CREATE VIEW v AS SELECT 1; GRANT SELECT ON v TO {bob};",
        "REVOKE ALL ON t FROM {bob};",
        "GRANT SELECT ON t TO {bob} WITH GRANT OPTION;",
    ],
)
def test_no_right_of_a_dump_gets_past_the_option(roles: Roles, copy: Copy, statement: str) -> None:
    file = copy.folder / "hand.sql"
    file.write_text(
        "--\n-- PostgreSQL database dump\n--\nCREATE TABLE t (a int);\n" + statement.format(bob=roles.bob)
        + "\n--\n-- PostgreSQL database dump complete\n--\n"
    )  # fmt: skip
    copy.restore(file, Choices(no_acl=True, owner=roles.app))
    assert (copy.rights(), copy.owners().keys()) == (0, {roles.app})


def test_a_target_that_is_put_back_in_place_has_its_owners_and_rights_again(
    roles: Roles, full: str, copy: Copy
) -> None:
    copy.restore(dumped(copy.server, full, copy.folder), Choices())
    owners, rights = copy.owners(), copy.rights()
    assert (set(owners), rights > 0) == ({roles.joe, copy.server.superuser}, True)
    broken = copy.folder / "broken.sql"
    broken.write_text(
        "--\n-- PostgreSQL database dump\n--\nCREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);\n"
        "--\n-- PostgreSQL database dump complete\n--\n"
    )
    with pytest.raises(StatementFailed) as caught:
        copy.restore(broken, Choices(), in_place=True)
    assert "was put back from its safety backup" in caught.value.message
    assert (copy.owners(), copy.rights()) == (owners, rights)
