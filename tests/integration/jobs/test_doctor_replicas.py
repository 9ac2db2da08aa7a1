"""doctor and backups on real replicas of MySQL and MariaDB."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from python_backup.config.load import load
from python_backup.engines.mysql import health
from python_backup.instance import Instance, Secret
from python_backup.jobs.health.doctor import examine
from python_backup.model import Check, Verdict
from support import databases
from support.cli import Program
from support.jobs import backed_up
from support.programs import Program as ServerProgram
from support.programs import found_programs, newest_of_each
from support.replica import Replica, replica_of
from support.servers import instance_for

PROGRAMS = [program for program in newest_of_each(found_programs()) if program.family == "mysql"]


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: program.id)
def replica(request: pytest.FixtureRequest) -> Iterator[Replica]:
    """The newest MySQL, the newest MariaDB."""
    program: ServerProgram = request.param
    with replica_of(program) as both:
        databases.create(both.source.server, "shop")
        databases.execute(
            both.source.server, "shop", "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (7)"
        )
        yield both


def replication(replica: Replica, folder: Path, **account: object) -> Check:
    server = replica.replica.server
    one: Instance = replace(instance_for(server), **account)
    config = load(Program(server, folder).config(), {})
    checks = examine(config, (one,), lambda: datetime.now().astimezone(), (folder / "locks",))
    (found,) = [check for check in checks if check.name == "replication"]
    return found


def test_a_replica_that_follows_is_told_with_its_delay(replica: Replica, tmp_path: Path) -> None:
    replica.follow()
    replica.until(Seconds_Behind_Source=0, Replica_IO_Running="Yes")
    check = replication(replica, tmp_path)
    assert check.verdict is Verdict.OK
    assert re.fullmatch(r"a replica, \d+ s behind, read-only", check.found)  # a busy machine falls behind


def test_a_replica_that_stands_still_is_a_warning_until_its_hint_is_pasted(
    replica: Replica, tmp_path: Path
) -> None:
    replica.follow()
    replica.stop()
    check = replication(replica, tmp_path)
    assert (check.verdict, check.found) == (Verdict.WARNING, "a replica that does not replicate")
    databases.execute(replica.replica.server, None, check.hint)
    replica.until(Replica_IO_Running="Yes", Seconds_Behind_Source=0)
    assert replication(replica, tmp_path).verdict is Verdict.OK


def test_a_replica_that_is_far_behind_is_a_warning(
    replica: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LATE", 2)  # an hour otherwise
    replica.follow(delay=3600)
    databases.execute(replica.source.server, "shop", "CREATE TABLE later (id INT PRIMARY KEY)")
    end = time.monotonic() + 30
    while (check := replication(replica, tmp_path)).verdict is Verdict.OK and time.monotonic() < end:
        time.sleep(0.2)
    assert (check.verdict, int(check.found.split()[2]) > 2) == (Verdict.WARNING, True), check
    replica.follow()


def test_an_account_that_may_not_ask_is_given_the_grant(replica: Replica, tmp_path: Path) -> None:
    replica.follow()
    server = replica.replica.server
    databases.execute(server, None, "CREATE USER poor IDENTIFIED BY 'poor'", "GRANT SELECT ON *.* TO poor")
    try:
        account = {"username": "poor", "password": Secret(lambda: "poor")}
        check = replication(replica, tmp_path, **account)
        assert "may not be asked" in check.found
        databases.execute(server, None, check.hint)
        assert replication(replica, tmp_path, **account).found.startswith("a replica")
    finally:
        databases.execute(server, None, "DROP USER poor")


def test_a_replica_is_backed_up_whole_while_it_follows(replica: Replica, tmp_path: Path) -> None:
    replica.follow()
    end = time.monotonic() + 30
    while "shop" not in databases.names(replica.replica.server) and time.monotonic() < end:
        time.sleep(0.1)
    replica.until(Seconds_Behind_Source=0)
    result = backed_up(instance_for(replica.replica.server), "shop", tmp_path)
    assert (result.outcome, result.error) == ("done", None)
    assert replica.status()
    replica.until(Replica_SQL_Running="Yes")
