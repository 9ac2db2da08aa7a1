"""Backup and restore through the jobs, against every server."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.errors import BackupError, StatementFailed, TargetExists
from python_backup.instance import Instance
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.backups import list_backups
from python_backup.jobs.in_place import Safety
from python_backup.jobs.restore import Replacement, RestoreReport, RestoreRequest, restore
from python_backup.jobs.results import DatabaseResult
from python_backup.jobs.verify import verify_artifact
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

SAMPLE = {
    "postgresql": (
        "create table customer (id int primary key, name text not null, note text)",
        "create table purchase (id serial primary key, customer int references customer, total numeric(10,2))",
        "create index on purchase (customer)",
        "create view spent as select customer, sum(total) from purchase group by customer",
        (
            "insert into customer select i, 'customer ' || i, case when i % 3 = 0 then E'tab\\t and \\\\ and\\nline' end"
            " from generate_series(1, 2000) i"
        ),
        "insert into purchase (customer, total) select 1 + i % 2000, i / 7.0 from generate_series(1, 5000) i",
    ),
    "mysql": (
        "create table customer (id int primary key, name varchar(100) not null, note text)",
        (
            "create table purchase (id int primary key auto_increment, customer int, total decimal(10,2),"
            " key by_customer (customer), foreign key (customer) references customer (id))"
        ),
        "create view spent as select customer, sum(total) from purchase group by customer",
        "insert into customer values "
        + ",".join(f"({i}, 'customer {i}', 'it''s (a), (b),(c) \\\\ \\n line')" for i in range(1, 2001)),
        "insert into purchase (customer, total) select id, id / 7 from customer",
    ),
}
Name = Callable[..., str]


def now() -> datetime:
    return datetime.now(UTC)


def fill(server: RunningServer, database: str) -> None:
    databases.execute(server, database, *SAMPLE[server.family])


def backed_up(
    instance: Instance, folder: Path, database: str, stored: Format = Format.ZSTD
) -> DatabaseResult:
    request = BackupRequest((instance,), (database,), folder, stored)
    (result,) = back_up(request, Silence(), now)
    if result.error is not None:
        raise result.error
    assert result.outcome == "done"
    return result


def restored(
    instance: Instance, file: Path, target: str | None, *, confirm: Callable[[Replacement], bool] = lambda _: False,
    force: bool = False,
) -> RestoreReport:  # fmt: skip
    safety = Safety(file.parent / "safety")
    request = RestoreRequest(file, instance, target, force=force, safety=safety)
    return restore(request, confirm, Silence(), now)


@pytest.mark.parametrize("stored", [Format.NONE, Format.GZIP, Format.ZIP, Format.ZSTD])
def test_a_restored_database_has_the_facts_of_its_dump_and_so_has_its_own_dump(
    any_server: RunningServer, new_database: Name, tmp_path: Path, stored: Format
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "shop2", create=False)
    fill(any_server, source)
    instance = instance_for(any_server)

    first = backed_up(instance, tmp_path, source, stored)
    assert first.path is not None
    report = restored(instance, first.path, target)
    second = backed_up(instance, tmp_path, target, stored)

    assert report.comparison is not None
    assert report.equal, report.comparison
    assert {t.table: t.found for t in report.comparison.tables}
    assert first.manifest is not None
    assert second.manifest is not None
    assert first.manifest.facts.rows in {7000, 4000}
    assert second.manifest.facts == first.manifest.facts
    assert verify_artifact(first.path, Silence()).good


def test_a_backup_is_three_files_that_stock_tools_check(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    database = new_database(any_server, "shop")
    fill(any_server, database)

    result = backed_up(instance_for(any_server), tmp_path / "backups", database)

    assert result.path is not None
    names = [result.path.name + suffix for suffix in ("", ".manifest.json", ".sha256")]
    assert sorted(p.name for p in (tmp_path / "backups").iterdir()) == names
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "backups").iterdir()} == {0o600}
    subprocess.run(["sha256sum", "-c", "--strict", names[2]], cwd=tmp_path / "backups", check=True)
    raw = subprocess.run(["zstd", "-dc", result.path], check=True, capture_output=True).stdout
    assert result.manifest is not None
    assert result.manifest.artifact.raw_sha256 == hashlib.sha256(raw).hexdigest()
    assert result.manifest.artifact.raw_size == len(raw)
    (listed,) = list_backups(tmp_path / "backups")
    assert listed.database == database


HAND_WRITTEN = """CREATE TABLE p (id int PRIMARY KEY, code varchar(9) UNIQUE);
CREATE TABLE a (id int PRIMARY KEY, x int CHECK (x > 0), y int, CHECK (y < 5), CONSTRAINT named CHECK (y > 1));
CREATE TABLE b (id int PRIMARY KEY, p int REFERENCES p(id), code varchar(9), UNIQUE (code, p));
CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT CHECK (p > 1), CONSTRAINT FOREIGN KEY (p) REFERENCES p(id));
ALTER TABLE c ADD CHECK (id < 100);
INSERT INTO p VALUES (2, 'x');
INSERT INTO b VALUES (1, 2, 'y');
"""


def test_constraints_that_a_hand_written_dump_does_not_name_are_no_difference(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    path = tmp_path / "dump.sql"
    text = HAND_WRITTEN
    if any_server.family == "postgresql":
        text = text.replace("CONSTRAINT CHECK", "CHECK").replace("CONSTRAINT FOREIGN", "FOREIGN")
        text += "CREATE TABLE s (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY);\n"
    path.write_text(text)
    report = restored(instance_for(any_server), path, new_database(any_server, "hand", create=False))
    assert report.comparison is not None
    assert report.equal, report.comparison


def test_an_existing_target_is_replaced_only_when_someone_agrees(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    database = new_database(any_server, "shop")
    fill(any_server, database)
    instance = instance_for(any_server)
    path = backed_up(instance, tmp_path, database).path
    assert path is not None
    databases.execute(any_server, database, "delete from purchase")
    asked: list[Replacement] = []

    def refuse(replacement: Replacement) -> bool:
        asked.append(replacement)
        return False

    with pytest.raises(TargetExists):
        restored(instance, path, None, confirm=refuse)
    assert databases.scalar(any_server, database, "select count(*) from purchase") == 0
    assert asked[0].target == asked[0].source == database
    assert asked[0].size == path.stat().st_size

    report = restored(instance, path, None, force=True)
    assert report.replaced
    assert report.equal
    assert databases.scalar(any_server, database, "select count(*) from purchase") in {5000, 2000}


def test_a_restore_that_fails_leaves_no_target(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    target = new_database(any_server, "broken", create=False)
    dump = tmp_path / "broken.sql"
    head = "-- PostgreSQL database dump\n" if any_server.family == "postgresql" else "-- MySQL dump 10.13\n"
    dump.write_text(head + "create table a (x int);\ninsert into nowhere values (1);\n")
    if any_server.family == "postgresql":
        dump.write_text(dump.read_text() + "--\n-- PostgreSQL database dump complete\n--\n")
    else:
        dump.write_text(dump.read_text() + "-- Dump completed on 2026-01-01\n")

    with pytest.raises(StatementFailed, match="nowhere"):
        restored(instance_for(any_server), dump, target)

    assert target not in databases.names(any_server)


def test_a_truncated_artifact_is_refused_before_anything_is_connected(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    database = new_database(any_server, "shop")
    fill(any_server, database)
    path = backed_up(instance_for(any_server), tmp_path, database).path
    assert path is not None
    path.write_bytes(path.read_bytes()[:-10])
    nowhere = Instance(id="9", name="nowhere", dbms=instance_for(any_server).dbms, port=1)

    with pytest.raises(BackupError) as caught:
        restored(nowhere, path, None)

    assert caught.value.exit_code == 5
    assert not verify_artifact(path, Silence()).good


def test_a_restore_leaves_alone_what_another_of_the_same_second_is_filling(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "other", create=False)
    fill(any_server, source)
    instance, at = instance_for(any_server), now()
    path = backed_up(instance, tmp_path, source).path
    assert path is not None
    others = f"{target}__restoring_{at:%Y%m%d_%H%M%S}"
    new_database(any_server, others, exact=True)
    databases.execute(any_server, others, "create table half_filled (a int)")

    report = restore(RestoreRequest(path, instance, target), lambda _: False, Silence(), lambda: at)

    assert report.taken_over
    assert databases.scalar(any_server, others, "select count(*) from half_filled") == 0
