"""What is said of an instance, by a made-up server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.engines.engine import Lack, Reached
from python_backup.engines.finding import Finding, Severity
from python_backup.engines.program import Client
from python_backup.errors import ConfigError, ConnectionFailed, ToolMissing
from python_backup.instance import Dbms, Instance, Secret
from python_backup.jobs.health import databases, instance
from python_backup.jobs.health.instance import Patient
from python_backup.model import Backup, Check, Verdict
from python_backup.policy.beside import Kept
from python_backup.storage.safety import Mark, marked
from support.results import manifest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WEB = Instance("1", "web", Dbms.MYSQL, max_age=timedelta(hours=26))


@dataclass
class FakeServer:
    """A server that says what it was told to."""

    version: str = "9.7.4"
    present: tuple[str, ...] = ("shop", "wiki")
    missing: dict[str, tuple[Lack, ...]] = field(default_factory=dict)
    blocked: tuple[Finding, ...] = ()
    left: dict[str, str] = field(default_factory=dict)
    ahead: float = 0.0
    program: Client | None = None
    tells: dict[str, tuple[Check, ...]] = field(default_factory=dict)

    def databases(self) -> tuple[str, ...]:
        return self.present

    def exists(self, database: str) -> bool:
        return database in self.present

    def client(self) -> Client:
        if self.program is None:
            raise ToolMissing("no mysqldump for MySQL 9.7 is on this machine (found: none)")
        return self.program

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.ahead)

    def lacks(self, database: str) -> tuple[Lack, ...]:
        if database == "gone":
            raise ConnectionFailed("database 'gone' does not exist")
        return self.missing.get(database, ())

    def objects(self, _database: str) -> dict[str, tuple[str, ...]]:
        return {"views": ("v",)}

    def restore_problems(self, _wanted: object) -> tuple[Finding, ...]:
        return self.blocked

    def unfinished(self, target: str) -> str | None:
        return self.left.get(target)

    def health(self) -> Iterator[Check]:
        yield Check("replication", Verdict.OK, "no replica")

    def database_health(self, database: str) -> Iterator[Check]:
        yield from self.tells[database]


def patient(
    server: FakeServer | None = None, backups: tuple[Backup, ...] = (), safety: Path = Path("none")
) -> Patient:
    failed = Check("tcp", Verdict.FAILURE, "no answer")
    reached = Reached((failed,)) if server is None else Reached((), server)
    return Patient(WEB, reached, backups, safety, Kept(), lambda: NOW)


def backup(database: str, hours: float) -> Backup:
    return Backup(Path("b"), Dbms.MYSQL, database, NOW - timedelta(hours=hours), 10, manifest(database))


def told(checks: Iterator[Check]) -> list[tuple[str | None, str, str, str | None]]:
    return [(check.database, check.verdict.value, check.found, check.hint) for check in checks]


def program(dbms: Dbms, *number: int, path: str = "/usr/bin/x") -> Client:
    return Client("pg_dump", dbms, ".".join(map(str, number)), number, (path,))


def test_a_good_client_is_named() -> None:
    found = told(instance.client(patient(FakeServer(program=program(Dbms.MYSQL, 9, 7, 4)))))
    assert found == [(None, "ok", "pg_dump 9.7.4 (/usr/bin/x)", None)]


def test_a_client_with_known_faults_is_a_warning_with_the_upgrade() -> None:
    found = told(instance.client(patient(FakeServer(program=program(Dbms.POSTGRESQL, 15, 18)))))
    assert found == [
        (
            None, "warning",
            "pg_dump 15.18 (/usr/bin/x) has known security faults, mended in 15.19: CVE-2026-18408",
            "apt install --only-upgrade postgresql-client-15",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dbms", "version", "hint"),
    [
        (Dbms.POSTGRESQL, "18.6", "apt install postgresql-client-18"),
        (Dbms.MARIADB, "11.8.6-MariaDB", "apt install mariadb-client"),
        (Dbms.MYSQL, "9.7.4", "apt install mysql-client"),
    ],
)
def test_without_a_client_the_package_is_named(dbms, version, hint) -> None:
    one = patient(FakeServer(version=version))
    (check,) = instance.client(replace(one, instance=replace(WEB, dbms=dbms)))
    assert (check.verdict, check.hint) == (Verdict.FAILURE, hint)


def test_a_password_is_fetched_once_and_one_that_cannot_be_had_is_a_failure() -> None:
    fetched: list[int] = []
    held, check = instance.with_secrets(replace(WEB, password=Secret(lambda: fetched.append(1) or "p")))
    assert check.verdict is Verdict.OK
    assert [held.password.reveal() for _ in range(3)] == ["p"] * 3
    assert fetched == [1]

    def nowhere() -> str:
        raise ConfigError("the environment has no P", hint="Set it: `export P=…`, or else.")

    _, check = instance.with_secrets(replace(WEB, password=Secret(nowhere)))
    assert (check.verdict, check.hint) == (Verdict.FAILURE, "export P=…")


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0, Verdict.OK), (-4, Verdict.OK), (60, Verdict.WARNING), (-60, Verdict.WARNING)]
)
def test_a_clock_that_is_off_is_a_warning(ahead, verdict) -> None:
    (check,) = instance.clock(patient(FakeServer(ahead=ahead)))
    assert check.verdict is verdict
    assert (check.hint == "timedatectl set-ntp true") is (verdict is Verdict.WARNING)


def test_a_backup_from_the_future_says_that_this_machines_clock_went_back() -> None:
    (check,) = instance.clock(patient(FakeServer(), (backup("shop", -2),)))
    assert (check.verdict, check.found) == (
        Verdict.WARNING,
        "the latest backup is of 2026-11-21 14:00, which is still to come",
    )


def test_rights_are_told_by_kind_and_database_and_those_that_are_well_in_one_line() -> None:
    lack = Lack("triggers", "triggers would be missing", "GRANT TRIGGER ON `wiki`.* TO 'b'@'%'")
    rows = Lack("rows", "row-level security hides rows", "ALTER ROLE b BYPASSRLS")
    server = FakeServer(missing={"wiki": (lack, rows)})
    assert told(databases.rights(patient(server))) == [("wiki", "failure", lack.what, lack.remedy)]
    assert told(databases.rights(patient(FakeServer()))) == [
        (None, "ok", "2 databases: nothing is missing", None)
    ]


def test_a_database_that_cannot_be_asked_hides_no_other() -> None:
    lack = Lack("tables", "tables cannot all be read", "GRANT SELECT")
    found = told(databases.rights(patient(FakeServer(present=("gone", "shop"), missing={"shop": (lack,)}))))
    assert [(name, verdict) for name, verdict, _, _ in found] == [("gone", "warning"), ("shop", "failure")]


def test_what_a_restore_lacks_is_a_warning() -> None:
    blocks = Finding(Severity.BLOCKS, "right", "the account lacks rights", "GRANT ALL ON x")
    tells = Finding(Severity.TELLS, "disk", "room is not known")
    found = told(databases.restore_rights(patient(FakeServer(present=("shop",), blocked=(blocks, tells)))))
    assert found == [("shop", "warning", "the account lacks rights", "GRANT ALL ON x")]


def test_contents_are_told_together_where_they_are_well() -> None:
    well = Check("transactions", Verdict.OK, "every table has transactions")
    ill = Check("transactions", Verdict.WARNING, "MyISAM: t", "ALTER TABLE t")
    both = FakeServer(tells={"shop": (well,), "wiki": (well,)})
    assert told(databases.contents(patient(both))) == [
        (None, "ok", "2 databases: every table has transactions", None)
    ]
    one = FakeServer(tells={"shop": (well,), "wiki": (ill,)})
    assert told(databases.contents(patient(one))) == [("wiki", "warning", "MyISAM: t", "ALTER TABLE t")]


def test_databases_beside_a_target_are_told_when_they_are_no_longer_kept_or_half_filled() -> None:
    names = (
        "shop", "shop__before_20261120_120000", "shop__before_20261101_120000", "wi`ki__restoring_20261121_110000",
    )  # fmt: skip
    assert told(databases.replaced(patient(FakeServer(present=names)))) == [
        (
            "wi`ki__restoring_20261121_110000", "warning",
            "a restore of 2026-11-21 11:00 UTC fills it, or was killed amid that",
            "DROP DATABASE `wi``ki__restoring_20261121_110000`",
        ),
        (
            "shop__before_20261101_120000", "warning",
            "replaced 2026-11-01, no longer kept; the next restore of its target drops it",
            "DROP DATABASE `shop__before_20261101_120000`",
        ),
    ]  # fmt: skip
    kept = told(databases.replaced(patient(FakeServer(present=names[:2]))))
    assert kept == [(None, "ok", "1 kept for rollback, none waits for removal", None)]


def test_an_unfinished_restore_is_a_failure_with_the_command_that_ends_it(tmp_path) -> None:
    server = FakeServer(left={"shop": "a take-over was killed"})
    with marked(Mark(tmp_path / "20261121_110000_mysql_lost.sql.zst", "1", "lost", ())):
        running = told(databases.unfinished(patient(server, safety=tmp_path)))
    assert running == [
        (
            "shop",
            "failure",
            "a take-over was killed",
            "vya-backupdb restore --resume-or-undo shop --instance 1",
        )
    ]
    dead = told(databases.unfinished(patient(server, safety=tmp_path)))
    assert [(name, verdict) for name, verdict, _, _ in dead] == [("lost", "failure"), ("shop", "failure")]
    assert told(databases.unfinished(patient(FakeServer(), safety=tmp_path / "none")))[0][1:3] == (
        "ok",
        "none",
    )


def test_a_backup_that_is_too_old_is_a_failure_and_none_at_all_a_warning() -> None:
    found = told(databases.ages(patient(FakeServer(), (backup("shop", 30),))))
    command = "vya-backupdb backup --instance 1"
    assert found == [
        ("shop", "failure", "the latest is 30 hours old, max_age is 26 hours", command),
        ("wiki", "warning", "no backup yet", command),
    ]
    fresh = (backup("shop", 25), backup("wiki", 1))
    assert told(databases.ages(patient(FakeServer(), fresh))) == [
        (None, "ok", "2 databases: none is too old", None)
    ]


def test_a_suspect_backup_is_told_and_does_not_count_as_the_latest() -> None:
    late, early = backup("shop", 1), backup("shop", 30)
    assert late.manifest is not None
    suspect = replace(late, manifest=replace(late.manifest, suspect={"t": "gone"}))
    found = told(databases.ages(patient(FakeServer(), (suspect, early, backup("wiki", 1)))))
    assert [(name, verdict) for name, verdict, _, _ in found] == [("shop", "warning"), ("shop", "failure")]
    assert found[0][2].startswith("the latest is suspect: ")


def test_without_a_server_the_ages_of_known_backups_are_told() -> None:
    assert told(databases.ages(patient(None, (backup("shop", 50),))))[0][:2] == ("shop", "failure")
    assert [check.verdict for check in databases.ages(patient(None))] == [Verdict.SKIPPED]
