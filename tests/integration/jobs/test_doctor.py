"""doctor on real servers: what is missing is named, and what it gives to paste mends it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

import pytest

from python_backup.config.load import load
from python_backup.engines.table import ENGINES
from python_backup.instance import Instance, Secret, Tls, TlsMode, Tools
from python_backup.jobs.health.doctor import STEPS, examine
from python_backup.jobs.health.quick import quick
from python_backup.model import Check, Verdict
from support import databases
from support.cli import Program
from support.disks import disk
from support.jobs import backed_up
from support.programs import Program as ServerProgram
from support.servers import RunningServer, instance_for
from support.standby import standby_of
from support.stoppable import lone_server

PASSWORD = "pass'word"
HOLDS = {
    "mysql": (
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE VIEW v AS SELECT * FROM t",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM t",
    ),
    "postgresql": (
        "CREATE SCHEMA store",
        "CREATE TABLE store.t (id int PRIMARY KEY)",
        "CREATE SEQUENCE store.s",
        "CREATE TABLE t (owner text)",
        "SELECT lo_from_bytea(4711, 'large')",
    ),
}
ROW_SECURITY = (
    "CREATE TABLE hidden (owner text)",
    "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON hidden USING (owner = current_user)",
)
INEXACT = (
    "CREATE TABLE `old t` (id INT PRIMARY KEY) ENGINE=MyISAM",
    "CREATE TABLE f (a FLOAT NOT NULL DEFAULT 1.5 COMMENT 'it''s')",
)
Found = dict[str, list[Check]]
NewDatabase = Callable[..., str]


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True)
class Office:
    """One database of a server, and an account that may only log in."""

    server: RunningServer
    database: str
    instance: Instance
    folder: Path

    def examined(self, **changes: object) -> Found:
        """Every check by its name."""
        config = load(Program(self.server, self.folder).config(), {})
        one = replace(self.instance, **changes)
        found: Found = {}
        for check in examine(config, (one,), _now, (self.folder / "locks",)):
            found.setdefault(check.name, []).append(check)
        return found

    def paste(self, hint: str | None) -> None:
        """Runs a hint as the server's administrator."""
        assert hint
        inside = self.database if self.server.family == "postgresql" else None
        databases.execute(self.server, inside, *hint.split("; ") if "DO $" not in hint else [hint])


@pytest.fixture
def office(dbms_server: RunningServer, new_database: NewDatabase, tmp_path: Path) -> Iterator[Office]:
    server, account = dbms_server, f"poor_{uuid.uuid4().hex[:8]}"
    name = new_database(server, "shop")
    databases.execute(server, name, *HOLDS[server.family])
    login = PASSWORD.replace("'", "''")
    one = replace(instance_for(server), username=account, password=Secret(lambda: PASSWORD), filter=(name,))
    if server.family == "postgresql":
        databases.execute(server, None, f"CREATE ROLE {account} LOGIN PASSWORD '{login}'")
    else:
        databases.execute(server, None, f"CREATE USER {account} IDENTIFIED BY '{login}'")
    yield Office(server, name, one, tmp_path)
    if server.family == "postgresql":
        databases.execute(server, name, f"DROP OWNED BY {account}")
        databases.execute(server, None, f"DROP ROLE {account}")
    else:
        databases.execute(server, None, f"DROP USER {account}")


def verdicts(checks: list[Check]) -> set[Verdict]:
    return {check.verdict for check in checks}


def test_each_missing_right_is_named_and_its_grant_pasted_makes_a_complete_backup(office: Office) -> None:
    if office.server.family == "mysql":  # an account without any right sees no database
        office.paste(f"GRANT INSERT ON `{office.database}`.t TO {office.instance.username}")
    missing = office.examined()["rights"]
    assert verdicts(missing) == {Verdict.FAILURE}
    assert {check.database for check in missing} == {office.database}
    while verdicts(missing) == {Verdict.FAILURE}:
        before = missing
        for check in missing:
            office.paste(check.hint)
        found = office.examined()
        missing = found["rights"]
        assert missing != before, "what was pasted mended nothing"
    assert [(check.verdict, check.found) for check in missing] == [
        (Verdict.OK, "1 database: nothing is missing")
    ]
    result = backed_up(office.instance, office.database, office.folder / "made")
    unasked = [check.found for check in found.get("masking policies", []) if check.hint]
    warned = [warning for warning in result.warnings if not (unasked and "masking" in warning)]
    assert (result.outcome, warned) == ("done", [])


def test_a_superuser_lacks_nothing_for_a_backup_or_a_restore(office: Office) -> None:
    own = instance_for(office.server)
    found = office.examined(username=own.username, password=own.password)
    failed = [check for checks in found.values() for check in checks if check.verdict is Verdict.FAILURE]
    # other tests' restores are under way on this server
    assert [check for check in failed if check.database in (None, office.database)] == []
    assert [check.found for check in found["restore rights"]] == ["1 database: nothing is missing"]
    assert re.search(r"SELECT 1 took [\d.]+ ms", found["answer"][0].found)
    assert [check.found for check in found["backup age"]] == ["no backup yet"]


def test_the_rights_for_a_restore_are_named_and_pasted_are_enough(office: Office) -> None:
    if office.server.family == "mysql":
        office.paste(f"GRANT SELECT ON `{office.database}`.* TO {office.instance.username}")
    missing = office.examined()["restore rights"]
    assert verdicts(missing) == {Verdict.WARNING}
    for check in missing:
        office.paste(check.hint)
    assert verdicts(office.examined()["restore rights"]) == {Verdict.OK}


def test_what_hangs_on_a_failed_step_of_the_way_is_told_as_not_done(office: Office) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        closed = server.getsockname()[1]
    for failing, changes in {
        "tcp": {"port": closed},
        "name": {"host": "no.such.host.invalid"},
        "login": {"password": Secret(lambda: "wrong")},
    }.items():
        found = office.examined(**changes)
        (failed,) = found[failing]
        assert (failed.verdict, bool(failed.hint)) == (Verdict.FAILURE, True)
        for name in ("answer", "version", "rights", "clock", "unfinished restores", "backup age"):
            assert [(c.verdict, c.found) for c in found[name]] == [(Verdict.SKIPPED, f"{failing} failed")]
        assert verdicts(found["client"]) <= {Verdict.OK, Verdict.WARNING}


def test_every_check_of_the_engine_is_made_once_at_least(office: Office) -> None:
    own = instance_for(office.server)
    found = office.examined(username=own.username, password=own.password)
    mysql = {"masking policies", "transactions", "float columns", "event scheduler"}
    postgresql = {"row-level security", "unlogged tables"}
    other = mysql if office.server.family == "postgresql" else postgresql
    assert {name for step in STEPS for name in step.names} - {*found} == other


def test_without_any_client_the_package_is_named(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools = Tools(command=("/bin/false",), host="127.0.0.1", port=office.server.port)
    (check,) = office.examined(tools=tools)["client"]
    assert (check.verdict, check.hint[:12]) == (Verdict.FAILURE, "apt install ")


def test_a_servers_own_certificate_has_an_end_and_does_not_verify(office: Office) -> None:
    if office.server.dbms == "mysql":  # it makes a certificate for itself
        (check,) = office.examined(tls=Tls(TlsMode.REQUIRE))["tls"]
        assert (check.verdict, "the server's certificate ends 20" in check.found) == (Verdict.OK, True)
        return
    found = office.examined(tls=Tls(TlsMode.VERIFY_FULL))
    assert verdicts(found["tls"]) == {Verdict.FAILURE}
    assert verdicts(found["login"]) == {Verdict.SKIPPED}


def test_rows_hidden_by_row_level_security_are_a_failure_until_its_hint_is_pasted(office: Office) -> None:
    if office.server.family != "postgresql":
        assert "row-level security" not in office.examined()
        return
    databases.execute(office.server, office.database, *ROW_SECURITY)
    (check,) = office.examined()["row-level security"]
    assert (check.verdict, "hidden" in check.found) == (Verdict.FAILURE, True)
    office.paste(check.hint)
    assert verdicts(office.examined()["row-level security"]) == {Verdict.OK}


def test_what_a_dump_of_mysql_holds_inexactly_is_a_warning_until_its_hints_are_pasted(office: Office) -> None:
    own = instance_for(office.server)
    account = {"username": own.username, "password": own.password}
    if office.server.family != "mysql":
        assert "float columns" not in office.examined()
        return
    databases.execute(office.server, office.database, *INEXACT)
    found = office.examined(**account)
    assert verdicts(found["transactions"]) == verdicts(found["float columns"]) == {Verdict.WARNING}
    office.paste(found["transactions"][0].hint)
    office.paste(found["float columns"][0].hint)
    found = office.examined(**account)
    assert verdicts(found["transactions"]) == verdicts(found["float columns"]) == {Verdict.OK}
    [(name, definition)] = databases.rows(office.server, office.database, "SHOW CREATE TABLE f")
    assert re.search(r"`a` double NOT NULL DEFAULT '?1.5'? COMMENT 'it''s'", definition), name


def test_events_that_no_scheduler_runs_are_a_warning_with_what_turns_it_on(office: Office) -> None:
    own = instance_for(office.server)
    found = office.examined(username=own.username, password=own.password)
    if office.server.family != "mysql":
        assert "event scheduler" not in found
        return
    [(state,)] = databases.rows(office.server, None, "SELECT @@global.event_scheduler")
    expected = (Verdict.OK, None) if state == "ON" else (Verdict.WARNING, "SET GLOBAL event_scheduler = ON")
    assert [(check.verdict, check.hint) for check in found["event scheduler"]] == [expected]


def test_what_a_superuser_alone_can_restore_is_named(office: Office) -> None:
    if office.server.family != "postgresql":
        return
    name, account = office.database, office.instance.username
    databases.execute(office.server, None, f"ALTER ROLE {account} CREATEDB")
    databases.execute(office.server, None, f'ALTER DATABASE "{name}" OWNER TO {account}')
    assert verdicts(office.examined()["restore rights"]) == {Verdict.OK}
    databases.execute(
        office.server, name,
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE RULE') EXECUTE FUNCTION f()",
    )  # fmt: skip
    (check,) = office.examined()["restore rights"]
    assert check.found == "the dump makes event triggers, which takes a superuser"
    databases.execute(office.server, None, f'ALTER DATABASE "{name}" OWNER TO {office.server.superuser}')


def test_a_standby_whose_conflicts_end_a_long_dump_and_that_lacks_rows_is_told(
    lone_postgresql: ServerProgram, tmp_path: Path
) -> None:
    with lone_server(lone_postgresql) as primary:
        databases.create(primary.server, "shop")
        databases.execute(primary.server, "shop", "CREATE UNLOGGED TABLE passing (id int)")
        with standby_of(primary, lone_postgresql) as standby:
            one = instance_for(standby.server)
            found = Office(standby.server, "shop", one, tmp_path).examined()
    (replication,) = found["replication"]
    assert (replication.verdict, "conflicts" in replication.found) == (Verdict.WARNING, True)
    assert replication.hint == "ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf()"
    (unlogged,) = found["unlogged tables"]
    assert (unlogged.verdict, unlogged.hint) == (Verdict.FAILURE, "ALTER TABLE public.passing SET LOGGED")
    assert verdicts(found["rights"]) == {Verdict.OK}


def test_a_database_that_waits_for_removal_goes_with_the_command_that_is_given(
    office: Office, new_database: NewDatabase
) -> None:
    own = instance_for(office.server)
    old = new_database(office.server, f"{office.database}__before_20200101_000000", exact=True)
    changes = {"username": own.username, "password": own.password}
    (check,) = [c for c in office.examined(**changes)["replaced databases"] if c.database == old]
    assert check.verdict is Verdict.WARNING
    databases.execute(office.server, None, check.hint)
    assert old not in databases.names(office.server)


def test_a_folder_that_is_full_is_a_failure(office: Office, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 64) as small:
        (small / "filled").write_bytes(b"")
        with pytest.raises(OSError, match="No space"), (small / "filled").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        program = Program(office.server, tmp_path, backup={"directory": str(small)})
        done, told = program.run("doctor"), program.run("doctor", "--json")
    assert (done.returncode, told.returncode) == (1, 1)
    assert "No space left on device" in told.stdout  # in a table it may be folded
    assert f"  df -h {small}\n" in done.stdout


def test_a_folder_that_is_read_only_is_a_failure_with_the_mount_that_mends_it(
    office: Office, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", 1024) as small:
        small.chmod(0o700)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        program = Program(office.server, tmp_path, backup={"directory": str(small)})
        done = program.run("doctor", "--json")
        checks = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "folder"]
        assert (done.returncode, [check["verdict"] for check in checks]) == (1, ["failure"])
        assert "Read-only file system" in checks[0]["found"]
        assert checks[0]["hint"] == f"mount -o remount,rw $(stat -c %m {small})"
        subprocess.run(["sh", "-c", checks[0]["hint"]], check=True)
        mended = json.loads(program.run("doctor", "--json").stdout)["checks"]
    assert [check["verdict"] for check in mended if check["name"] == "folder"] == ["ok"]


def test_the_command_says_all_of_it_and_ends_with_the_worst(office: Office) -> None:
    program = Program(office.server, office.folder)
    done = program.run("doctor", "--json")
    assert done.returncode in {0, 1}, done.stderr
    assert '"name":' in done.stdout
    done = program.run("doctor", "--instance", "1", "--strict")
    assert (done.returncode, "no backup yet" in done.stdout) == (1, True)


def test_a_backup_makes_the_quick_part_of_it_within_the_connection_it_has(office: Office) -> None:
    program = Program(office.server, office.folder)
    program.backups.mkdir(mode=0o755)
    done = program.run("backup", "-i", "1", "-d", office.database)
    assert done.returncode == 0, done.stderr
    assert f"folder: {program.backups}: others can look into it, mode 0755 (chmod 700 " in done.stderr
    with closing(ENGINES[office.instance.dbms].connect(instance_for(office.server))) as server:
        server.plan_dump(office.database, office.instance.limits)  # a backup asks for the client anyway
        took = []
        for _ in range(5):  # other tests run beside this one
            begun = perf_counter()
            found = quick(instance_for(office.server), server, program.backups, _now)
            took.append(perf_counter() - begun)
    assert [check.name for check in found] == ["folder"]
    assert min(took) < 0.05
