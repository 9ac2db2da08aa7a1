"""A backup of MySQL or MariaDB in parts: the facts of a single file, restored by any way."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.engines.mysql import everything
from integration.jobs.test_parts import good, in_parts
from python_backup.engines.mysql import shares
from python_backup.instance import Limits, Retry, Secret
from python_backup.jobs.in_place import Safety
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.verify import verify_artifact
from python_backup.model import PartKind, Scope
from python_backup.stream.artifact import read_artifact
from support import databases
from support.jobs import backed_up, facts
from support.servers import instance_for
from support.silence import Silence


def content(found):
    """The facts that do not depend on how the tool lays out its statements."""
    return (
        [(t.name, t.rows, t.digest) for t in found.tables],
        found.objects,
        found.sequences,
        found.statements,
    )


@pytest.fixture
def filled(mysql_server, new_database, monkeypatch):
    monkeypatch.setattr(shares, "_SHARE", 64 << 10)
    name = new_database(mysql_server, "parts")
    everything.build(mysql_server, name)
    if mysql_server.dbms == "mariadb":
        databases.execute(mysql_server, name, "DROP TABLE history")
    databases.execute(
        mysql_server, name, "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)",
        "INSERT INTO large (t) VALUES (REPEAT('a\\n\"', 100))",
        *["INSERT INTO large (t) SELECT CONCAT(id, t) FROM large"] * 13,
        "ANALYZE TABLE large",
    )  # fmt: skip
    return name


def test_its_facts_are_those_of_a_single_file_and_it_is_restored_as_any_other(mysql_server, filled, tmp_path):
    instance = instance_for(mysql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path, jobs=3))
    assert content(facts(backed_up(instance, filled, tmp_path))) == content(manifest.facts)
    assert len([part for part in manifest.parts if part.table == "large"]) > 8
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=path, check=True)
    report = verify_artifact(path, Silence(), deep=True)
    assert report.good, report.checks
    for jobs in (1, 3):
        safety = Safety(tmp_path / "safety")
        request = RestoreRequest(path, instance, filled, force=True, jobs=jobs, safety=safety)
        report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
        assert report.equal, report.comparison
        assert content(facts(backed_up(instance, filled, tmp_path))) == content(manifest.facts)


def test_stock_tools_restore_it_with_the_three_commands(mysql_server, filled, tmp_path):
    instance = instance_for(mysql_server)
    path, manifest = good(in_parts(instance, filled, tmp_path))
    commands = [
        line.strip() for line in (path / "RESTORE.txt").read_text().splitlines() if line.startswith("    ")
    ]
    assert len(commands) == 3
    password = mysql_server.password.replace("\\", "\\\\").replace('"', '\\"')
    option_file = tmp_path / ".my.cnf"
    option_file.write_text(
        f'[client]\nuser={mysql_server.superuser}\npassword="{password}"\nsocket={mysql_server.socket}\n'
    )
    option_file.chmod(0o600)
    environment = {**os.environ, "PATH": f"{mysql_server.bin}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for command in commands:
        subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=path, check=True, env=environment)
    assert content(facts(backed_up(instance, filled, tmp_path))) == content(manifest.facts)


def test_parts_of_one_table_let_others_begin_it(mysql_server, filled, tmp_path):
    path, manifest = good(in_parts(instance_for(mysql_server), filled, tmp_path))
    data = [part for part in manifest.parts if part.kind is PartKind.DATA]
    for part in data:
        text = b"".join(read_artifact(path / part.file))
        assert (b"SET UNIQUE_CHECKS=1" in text[:1000]) == bool(part.range), part
    assert {bool(part.range) for part in data} == {False, True}


@pytest.fixture
def reader(mysql_server):
    """An account that may read, and lock nothing."""
    name = f"reader_{os.getpid()}"
    databases.execute(
        mysql_server,
        None,
        f"CREATE USER '{name}'@'%' IDENTIFIED BY 'x'",
        f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO '{name}'@'%'",
    )
    yield replace(instance_for(mysql_server), username=name, password=Secret(lambda: "x"))
    databases.execute(mysql_server, None, f"DROP USER '{name}'@'%'")


def test_without_a_lock_nobody_is_waited_for_and_a_warning_says_so(
    mysql_server, new_database, reader, tmp_path
):
    name = new_database(mysql_server, "open")
    databases.execute(
        mysql_server, name, "CREATE TABLE a (v INT)", "INSERT INTO a VALUES (1)",
        "CREATE TABLE m (v INT) ENGINE=MyISAM", "INSERT INTO m VALUES (1)",
    )  # fmt: skip
    with closing(databases.connection(mysql_server, name)) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO a VALUES (2)")
        once = replace(instance_for(mysql_server), limits=Limits(lock=1), retry=Retry(attempts=1))
        locking = in_parts(once, name, tmp_path, lock=Scope.DATABASE)
        path, manifest = good(in_parts(reader, name, tmp_path, lock=Scope.NONE))
    assert "no moment was found to lock" in str(locking.error)
    assert [(table.name, table.rows) for table in manifest.facts.tables] == [("a", 1), ("m", 1)]
    told = "\n".join(manifest.warnings)
    assert "nothing was locked: parts read over different connections may be of different moments" in told
    assert "tables without transactions are dumped while they may change: m (MyISAM)" in told
    assert "while the snapshots began" not in told
    assert list(tmp_path.glob("*_open*")) == [path]


def test_what_takes_too_long_is_ended_and_leaves_nothing(family_server, new_database, tmp_path):
    name = new_database(family_server)
    databases.execute(family_server, name, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    result = in_parts(replace(instance_for(family_server), limits=Limits(timeout=0.02)), name, tmp_path)
    assert result.error is not None
    assert "(timeout)" in result.error.message
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == []


def test_days_that_no_month_has_come_back(mysql_server, new_database, tmp_path):
    name, target = (new_database(mysql_server, word) for word in ("days", "again"))
    databases.execute(
        mysql_server, name, "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'", "CREATE TABLE t (d DATE, at DATETIME)",
        "INSERT INTO t VALUES ('2024-02-30', '2024-02-31 12:00:00'), ('0000-00-00', '2024-00-00 00:00:00')",
    )  # fmt: skip
    instance = instance_for(mysql_server)
    path, _ = good(in_parts(instance, name, tmp_path))
    for jobs in (1, 2):
        safety = Safety(tmp_path / "safety")
        request = RestoreRequest(path, instance, target, force=True, jobs=jobs, safety=safety)
        restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
        shown = "SELECT CAST(d AS CHAR), CAST(at AS CHAR) FROM t ORDER BY d DESC"
        assert databases.rows(mysql_server, target, shown) == [
            ("2024-02-30", "2024-02-31 12:00:00"), ("0000-00-00", "2024-00-00 00:00:00"),
        ]  # fmt: skip
