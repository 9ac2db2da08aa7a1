"""The accounts of docs/grants.md, made as it says, do a complete backup and a whole restore."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from python_backup.instance import Instance, Secret
from python_backup.model import Facts
from support import databases
from support.jobs import backed_up, facts, restored
from support.markdown import code, fences, read, rows, section
from support.servers import RunningServer, instance_for

SECRET = "pa\\ss'w#o\"rd"
SHOP = {
    "mysql": (
        "CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(50), KEY by_name (name))",
        "CREATE TABLE sales (id INT AUTO_INCREMENT PRIMARY KEY, good INT, FOREIGN KEY (good) REFERENCES goods (id))",
        "CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, what TEXT)",
        "INSERT INTO goods VALUES (1, 'one'), (2, 'two')",
        "INSERT INTO sales (good) VALUES (1), (2), (2)",
        "CREATE VIEW best AS SELECT good, COUNT(*) AS n FROM sales GROUP BY good",
        "CREATE TRIGGER sold AFTER INSERT ON sales FOR EACH ROW INSERT INTO log (what) VALUES (NEW.good)",
        "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n",
        "CREATE PROCEDURE sell(IN g INT) INSERT INTO sales (good) VALUES (g)",
        "CREATE EVENT clear ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM log",
    ),
    "mariadb": (
        "CREATE SEQUENCE ticket START WITH 7",
        "CREATE TABLE priced (id INT PRIMARY KEY, price INT) WITH SYSTEM VERSIONING",
        "INSERT INTO priced VALUES (1, 10)",
        "UPDATE priced SET price = 11",
    ),
    "postgresql": (
        "CREATE SCHEMA store",
        "CREATE TABLE store.goods (id int PRIMARY KEY, name text)",
        "CREATE TABLE sales (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, good int REFERENCES store.goods)",
        "CREATE INDEX by_name ON store.goods (name)",
        "INSERT INTO store.goods VALUES (1, 'one'), (2, 'two')",
        "INSERT INTO sales (good) VALUES (1), (2), (2)",
        "CREATE SEQUENCE store.ticket START 7",
        "CREATE VIEW best AS SELECT good, count(*) AS n FROM sales GROUP BY good",
        "CREATE MATERIALIZED VIEW store.much AS SELECT * FROM best",
        "CREATE TYPE store.mood AS ENUM ('good', 'bad')",
        "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'",
        "CREATE FUNCTION sold() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
        "CREATE TRIGGER sold AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION sold()",
        "CREATE TABLE secret (id int, owner text)",
        "INSERT INTO secret VALUES (1, 'a'), (2, 'b')",
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE secret FORCE ROW LEVEL SECURITY",
        "CREATE POLICY own ON secret USING (owner = current_user)",
        "SELECT lo_from_bytea(4711, 'large')",
    ),
}
Name = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of one test: the document's names, made unique, since other tests use the same server."""

    server: RunningServer
    ending: str

    def statements(self, purpose: str, database: str) -> list[str]:
        """The document's statements for the server at hand, those of the newest version that is not newer."""
        found: dict[tuple[int, ...], str] = {}
        for fence in fences(read("docs/grants.md")):
            match = re.fullmatch(rf"grants: {purpose} {self.server.dbms} ([\d.]+)", fence.marker or "")
            if match and (since := tuple(map(int, match[1].split(".")))) <= self.server.major:
                found[since] = fence.text
        assert found, f"docs/grants.md says nothing of {purpose} on {self.server.id}"
        text = self._named(found[max(found)], database)
        return [text] if self.server.family == "postgresql" else [s for s in text.split(";\n") if s]

    def _named(self, statement: str, database: str) -> str:
        secret = SECRET.replace("'", "''")
        if self.server.family == "mysql":
            secret = secret.replace("\\", "\\\\")
        names = {
            "backup": self.name("backup"), "restore": self.name("restore"), "shop": database,
            "shop_restored": database, "PASSWORD": secret,
        }  # fmt: skip
        return re.sub(
            r"\b(shop_restored|shop|backup|restore|PASSWORD(?='))\b", lambda m: names[m[0]], statement
        )

    def name(self, purpose: str) -> str:
        return f"{purpose}_{self.ending}"

    def make(self, purpose: str, account: str, database: str) -> Instance:
        """Runs the document's statements as the superuser, and gives the instance with that account."""
        self.grant(purpose, database)
        return replace(
            instance_for(self.server), username=self.name(account), password=Secret(lambda: SECRET)
        )

    def grant(self, purpose: str, database: str) -> None:
        inside = (
            database if self.server.family == "postgresql" and databases_has(self.server, database) else None
        )
        databases.execute(self.server, inside, *self.statements(purpose, database))

    def drop(self) -> None:
        for purpose in ("backup", "restore"):
            name = self.name(purpose)
            if self.server.family == "mysql":
                databases.execute(self.server, None, f"DROP USER IF EXISTS '{name}'@'%'")
            else:
                databases.execute(self.server, None, f"DROP ROLE IF EXISTS {name}")


def databases_has(server: RunningServer, name: str) -> bool:
    return (name,) in databases.rows(server, None, "SELECT datname FROM pg_database")


@pytest.fixture
def accounts(any_server: RunningServer, new_database: Name) -> Iterator[Accounts]:
    made = Accounts(any_server, uuid.uuid4().hex[:8])
    yield made
    if any_server.family == "postgresql":  # what a role owns or may use is in databases that go after this
        for (name,) in databases.rows(any_server, None, "SELECT datname FROM pg_database WHERE datallowconn"):
            if made.ending in name or name.startswith("shop_"):
                _disown(made, name)
    made.drop()


def _disown(made: Accounts, database: str) -> None:
    for purpose in ("backup", "restore"):
        role = made.name(purpose)
        if databases.rows(made.server, None, f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            try:
                databases.execute(
                    made.server, database, f"REASSIGN OWNED BY {role} TO postgres", f"DROP OWNED BY {role}"
                )
            except psycopg.OperationalError:
                continue  # another test's database, gone meanwhile


@pytest.fixture
def shop(any_server: RunningServer, new_database: Name) -> str:
    name = new_database(any_server, "shop")
    flavour = SHOP["mariadb"] if any_server.dbms == "mariadb" else ()
    databases.execute(any_server, name, *SHOP[any_server.family], *flavour)
    if any_server.family == "postgresql" and _has_citext(any_server):  # the embedded servers bring none
        databases.execute(any_server, name, "CREATE EXTENSION citext")
    return name


def _has_citext(server: RunningServer) -> bool:
    return bool(databases.rows(server, None, "SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"))


def least(accounts: Accounts, shop: str) -> Instance:
    instance = accounts.make("backup", "backup", shop)
    if accounts.server.family == "postgresql":
        accounts.grant("large-objects", shop)
    return instance


def test_a_backup_with_just_these_rights_is_as_complete_as_the_superusers(
    any_server: RunningServer, accounts: Accounts, shop: str, tmp_path: Path
) -> None:
    by_superuser = backed_up(instance_for(any_server), shop, tmp_path)
    by_least = backed_up(least(accounts, shop), shop, tmp_path)
    assert facts(by_least) == facts(by_superuser)
    told_to_all = set(by_superuser.warnings)  # what this version cannot dump for anybody
    assert (by_least.outcome, by_least.manifest.errors) == (
        by_superuser.outcome,
        by_superuser.manifest.errors,
    )
    assert by_superuser.outcome == "done" or any_server.id == "mariadb-10.5"  # it cannot dump history
    assert [w for w in by_least.warnings if "masking" not in w and w not in told_to_all] == []
    kinds = {"tables", "views", "triggers", "routines", "indexes", "constraints"}
    flavour = {"mysql": {"events"}, "mariadb": {"events", "sequences"}}.get(
        any_server.dbms, {"sequences", "materialized_views", "types", "policies", "large_objects", "schemas"}
    )
    assert set(facts(by_least).objects) - {"extensions"} == kinds | flavour


def test_a_restore_with_just_these_rights_has_the_facts_of_the_backup(
    any_server: RunningServer, accounts: Accounts, shop: str, new_database: Name, tmp_path: Path
) -> None:
    taken = backed_up(instance_for(any_server), shop, tmp_path)
    target = new_database(any_server, "shop", create=False)
    restored(accounts.make("restore", "restore", target), taken.path, target)
    again = facts(backed_up(instance_for(any_server), target, tmp_path))
    assert _but_for_events(again) == _but_for_events(facts(taken))


def _but_for_events(found: Facts) -> Facts:
    """Without the statements of events: those of a copy are disabled."""
    return replace(
        found, statements={kind: made for kind, made in found.statements.items() if kind != "events"}
    )


def test_definers_are_kept_with_the_rights_for_it_and_replaced_without(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    accounts = Accounts(mysql_server, uuid.uuid4().hex[:8])
    shop, kept, replaced = (new_database(mysql_server, "shop", create=c) for c in (True, False, False))
    owner = accounts.name("backup")
    try:
        accounts.grant("backup", shop)
        databases.execute(
            mysql_server, shop, "CREATE TABLE t (a INT)",
            f"CREATE DEFINER = '{owner}'@'%' VIEW v AS SELECT a FROM t",
        )  # fmt: skip
        taken = backed_up(instance_for(mysql_server), shop, tmp_path)
        without = restored(accounts.make("restore", "restore", replaced), taken.path, replaced)
        databases.execute(
            mysql_server, None, f"GRANT ALL ON `{kept}%`.* TO '{accounts.name('restore')}'@'%'",
            *accounts.statements("definers", kept),
        )  # fmt: skip
        restored(without.instance, taken.path, kept)
        assert [_definer(mysql_server, name) for name in (kept, replaced)] == [
            f"{owner}@%", f"{accounts.name('restore')}@%",
        ]  # fmt: skip
        assert without.changes.counts["definer replaced"] == 1
    finally:
        accounts.drop()


def _definer(server: RunningServer, database: str) -> str:
    sql = f"SELECT definer FROM information_schema.views WHERE table_schema = '{database}'"
    return str(databases.rows(server, None, sql)[0][0])


ROUTINES = {"mysql": "SHOW_ROUTINE ON *.*", "mariadb": "SELECT ON mysql.proc"}


@pytest.mark.parametrize("right", ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "routines"])
def test_without_one_of_the_rights_the_backup_is_not_silently_less(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, right: str
) -> None:
    accounts = Accounts(mysql_server, uuid.uuid4().hex[:8])
    shop = new_database(mysql_server, "shop")
    flavour = SHOP["mariadb"] if mysql_server.dbms == "mariadb" else ()
    databases.execute(mysql_server, shop, *SHOP["mysql"], *flavour)
    try:
        instance = accounts.make("backup", "backup", shop)
        scope = ROUTINES[mysql_server.dbms] if right == "routines" else f"{right} ON `{shop}`.*"
        databases.execute(mysql_server, None, f"REVOKE {scope} FROM '{accounts.name('backup')}'@'%'")
        result = backed_up(instance, shop, tmp_path)
        documented = dict(_lost(mysql_server.dbms))[right]
        assert (result.outcome, "partial" in documented) == ("partial", True)
        said = (*result.manifest.errors, *result.warnings)
        if right == "SELECT":
            assert facts(result).rows == 0
            assert any("tables cannot all be read: GRANT SELECT" in text for text in said)
        else:
            kind = {"SHOW VIEW": "views", "TRIGGER": "triggers", "EVENT": "events"}.get(right, right)
            assert kind not in facts(result).objects
            assert any(f"{kind} would be missing: GRANT" in text for text in said)
    finally:
        accounts.drop()


def _lost(dbms: str) -> Iterator[tuple[str, str]]:
    """The document's table: each right (the last is that for routines) and what happens without it."""
    heading = {"mysql": "## MySQL 8.0.20 and later, 8.4, 9.x", "mariadb": "## MariaDB 10.5 to 11.x"}[dbms]
    found = rows(section(read("docs/grants.md"), heading))
    for number, (right, what) in enumerate(found, 1):
        yield "routines" if number == len(found) else code(right)[0], what


@pytest.mark.parametrize("missing", ["pg_read_all_data", "BYPASSRLS", "large objects"])
def test_without_one_of_postgresqls_rights_the_backup_fails_or_warns(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path, missing: str
) -> None:
    if missing == "pg_read_all_data" and postgresql_server.major < (14,):
        missing = "BYPASSRLS"
    accounts = Accounts(postgresql_server, uuid.uuid4().hex[:8])
    shop = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, shop, *SHOP["postgresql"])
    try:
        instance = accounts.make("backup", "backup", shop)
        if missing != "large objects":
            accounts.grant("large-objects", shop)
        role = accounts.name("backup")
        if missing == "pg_read_all_data":
            databases.execute(postgresql_server, None, f"REVOKE pg_read_all_data FROM {role}")
        elif missing == "BYPASSRLS":
            databases.execute(postgresql_server, None, f"ALTER ROLE {role} NOBYPASSRLS")
        result = backed_up(instance, shop, tmp_path)
        assert (result.outcome, list(tmp_path.iterdir())) == ("failed", [])
        assert result.error is not None
        reason = "row-level security" if missing == "BYPASSRLS" else "permission denied"
        assert reason in result.error.message
    finally:
        _disown(accounts, shop)
        accounts.drop()
