"""Drills on throw-away servers of the same programs that the tests' own servers run."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from integration.engines.mysql import everything
from integration.jobs.test_parts import good, in_parts
from python_backup.cli.drilled import exit_code
from python_backup.instance import Dbms, Instance
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.checks import DrillCheck, Rows
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.jobs.limits import Limits
from python_backup.jobs.restore import RestoreReport, restore
from python_backup.model import Format
from python_backup.policy.anomalies import Rule
from python_backup.storage.folder import manifest_of
from python_backup.storage.proofs import Equality, Verdict
from support import databases
from support.jobs import backed_up
from support.pg_trips import script
from support.servers import RunningServer, instance_for
from support.silence import Silence

SCRIPT = Path(__file__).parents[1] / "engines" / "postgresql" / "everything.sql"
SAMPLE = {
    "postgresql": (
        "create table customer (id int primary key, name text not null, note text)",
        "create table purchase (id serial primary key, customer int references customer, total numeric(10,2))",
        "create view spent as select customer, sum(total) from purchase group by customer",
        "insert into customer select i, 'customer ' || i, case when i % 3 = 0 then E'\\t' end from generate_series(1, 2000) i",
        "insert into purchase (customer, total) select 1 + i % 2000, i / 7.0 from generate_series(1, 5000) i",
    ),
    "mysql": (
        "create table customer (id int primary key, name varchar(100) not null, note text)",
        "create table purchase (id int primary key auto_increment, customer int references customer (id), total int)",
        "create view spent as select customer, sum(total) from purchase group by customer",
        "create event clean on schedule every 1 second do delete from purchase",
        "insert into customer values " + ",".join(f"({i}, 'customer {i}', 'a), (b')" for i in range(1, 2001)),
        "insert into purchase (customer, total) select id, id / 7 from customer",
    ),
}


def now() -> datetime:
    return datetime.now(UTC)


def drilled(server: RunningServer, file: Path) -> DrillReport:
    return drill(DrillRequest(file, grounds=Grounds(programs=(Path(server.bin),))), Silence(), now)


def test_a_backup_in_parts_is_proven_to_the_last_digit(
    dbms_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(dbms_server, "in parts")
    databases.execute(
        dbms_server, database,
        f"create table t (id int primary key, f {'real' if dbms_server.family == 'postgresql' else 'float'})",
        "insert into t values (1, 16777217), (2, 0.1), (3, 1234567.8)",
    )  # fmt: skip
    path, _ = good(in_parts(instance_for(dbms_server), database, tmp_path))
    report = drilled(dbms_server, path)
    assert (report.verdict, report.reason) == (Verdict.PROVEN, None)
    assert [table.equality for table in report.tables] == [Equality.IDENTICAL]


@pytest.fixture
def artifact(any_server: RunningServer, new_database: Callable[..., str], tmp_path: Path) -> Path:
    database = new_database(any_server, "it's a shop")
    databases.execute(any_server, database, *SAMPLE[any_server.family])
    request = BackupRequest((instance_for(any_server),), (database,), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), now)
    assert result.error is None
    assert result.path is not None
    return result.path


def test_a_good_backup_is_proven_identical_table_by_table(any_server: RunningServer, artifact: Path) -> None:
    report = drilled(any_server, artifact)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert {table.equality for table in report.tables} == {Equality.IDENTICAL}
    assert len(report.tables) == 2


def test_the_database_of_everything_is_proven_table_by_table_and_object_by_object(
    dbms_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(dbms_server, "every thing")
    if dbms_server.family == "postgresql":
        databases.execute(dbms_server, database, script(SCRIPT, dbms_server.major[0]))
    else:
        everything.build(dbms_server, database)
    result = backed_up(instance_for(dbms_server), database, tmp_path)
    assert result.path is not None, result.error
    report = drilled(dbms_server, result.path)
    assert (report.verdict, report.reason) == (Verdict.PROVEN, None)
    assert {one.equality for one in report.tables} == {Equality.IDENTICAL}
    assert result.manifest is not None
    assert set(result.manifest.facts.statements) >= {"tables", "views", "routines", "triggers"}


def _link(instance: Instance, database: str) -> Any:
    """A connection to a throw-away server."""
    account = {"user": instance.username, "password": instance.password.reveal() if instance.password else ""}
    if instance.dbms is Dbms.POSTGRESQL:
        return psycopg.connect(
            host=instance.socket, port=instance.port, dbname=database, autocommit=True, **account
        )
    return pymysql.connect(unix_socket=instance.socket, database=database, autocommit=True, **account)


def test_an_object_that_another_statement_makes_is_named(
    family_server: RunningServer,
    new_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restore that makes a view otherwise is no part of this program: one is played."""
    database = new_database(family_server, "shop")
    databases.execute(family_server, database, *SAMPLE[family_server.family])
    result = backed_up(instance_for(family_server), database, tmp_path)
    assert result.path is not None, result.error

    def restored_otherwise(*arguments: Any) -> RestoreReport:
        report = restore(*arguments)
        with closing(_link(arguments[0].instance, report.target)) as link, link.cursor() as cursor:
            cursor.execute("drop view spent")
            cursor.execute(
                "create view spent as select customer, min(total) as sum from purchase group by customer"
            )
        return report

    monkeypatch.setattr("python_backup.jobs.drill.restore", restored_otherwise)
    report = drilled(family_server, result.path)
    assert report.verdict is Verdict.FAILED
    assert report.reason is not None
    assert report.reason.endswith("spent")


def test_a_damaged_backup_is_failed_before_anything_is_started(
    any_server: RunningServer, artifact: Path
) -> None:
    content = bytearray(artifact.read_bytes())
    content[len(content) // 2] ^= 1
    artifact.write_bytes(content)
    report = drilled(any_server, artifact)
    assert report.verdict is Verdict.FAILED
    assert "checksum" in (report.reason or "") or "is corrupt" in (report.reason or "")
    assert report.seconds.get("load") is None


def test_questions_of_ones_own_are_asked_of_the_restored_database(
    any_server: RunningServer, artifact: Path
) -> None:
    manifest = manifest_of(artifact)
    assert manifest is not None

    def check(sql: str, expect: str | Rows, database: str = manifest.database) -> DrillCheck:
        return DrillCheck(database, sql, expect)

    checks = (
        check("select count(*) from customer", "= 2000"),
        check("select id, name from customer where id < 3 order by id", "1\tcustomer 1\n2\tcustomer 2"),
        check("select count(*) from purchase where total is null", "> 0"),
        check("select nothing from nowhere", "> 0"),
        check("select 1", "= 2", database="another"),
        check("select id from customer where id < 3 order by id", Rows("1\n2\n", "ids.tsv")),
        check("select id from customer where id < 3 order by id", Rows("1\n3\n", "ids.tsv")),
    )
    request = DrillRequest(artifact, grounds=Grounds(programs=(Path(any_server.bin),)), checks=checks)
    report = drill(request, Silence(), now)
    assert [answer.ok for answer in report.checks] == [True, True, False, False, True, False]
    assert report.verdict is Verdict.FAILED
    assert "nowhere" in report.checks[3].found
    assert report.checks[5].reason.endswith("expected the rows of ids.tsv, found row 2 is '2', not '3'")


def test_a_drill_holds_limits_against_what_was_restored(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(family_server, "shop")
    lasting = (
        sql for sql in SAMPLE[family_server.family] if "event" not in sql
    )  # it deletes the rows by itself
    databases.execute(family_server, database, *lasting)
    good = backed_up(instance_for(family_server), database, tmp_path)
    databases.execute(family_server, database, "delete from purchase")
    path = backed_up(instance_for(family_server), database, tmp_path).path
    assert path is not None
    assert (good.outcome, good.warnings) == ("done", ())
    limits = Limits(timedelta(minutes=30), (Rule(max_shrink=0.2, min_rows={"customer": 2000}),))
    grounds = Grounds(programs=(Path(family_server.bin),))
    request = DrillRequest(path, grounds=grounds, limits=limits)
    report = drill(request, Silence(), lambda: now() + timedelta(hours=1))
    assert report.verdict is Verdict.FAILED
    age, table = report.checks
    assert (age.sql, age.ok, table.ok) == ("max_age", False, False)
    assert table.sql.endswith("purchase")
    assert table.found.endswith("100% less; max_shrink is 20%")
    assert report.reason == f"{age.reason}; {table.reason}"


def test_a_foreign_dump_is_proven_by_the_rows_counted_in_it(tmp_path: Path) -> None:
    dump = tmp_path / "shop.sql.gz"
    dump.write_bytes(
        gzip.compress(
            b"CREATE TABLE orders (id int PRIMARY KEY, what text);\n"
            b"INSERT INTO orders VALUES (1, 'a'), (2, 'b');\nINSERT INTO orders VALUES (3, 'c');\n"
        )
    )
    report = drill(DrillRequest(dump), Silence(), now)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert [(t.table, t.expected, t.found) for t in report.tables] == [("public.orders", 3, 3)]
    assert report.equality is Equality.SAME_ROWS


def test_what_a_foreign_dump_says_of_values_is_compared_with_what_was_restored(tmp_path: Path) -> None:
    """A table that the server writes otherwise, or that the dump changes later, is counted."""
    dump = tmp_path / "shop.sql"
    dump.write_text(
        "CREATE TABLE a (n int, what text, yes boolean, day date);\n"
        "INSERT INTO a (day, what, n, yes) VALUES ('2020-01-31', 'it''s \\n', 1, true), (NULL, E'a\\tb', 2, NULL);\n"
        "INSERT INTO a VALUES (3, '', false, '1999-12-31'::date);\n"
        "CREATE TABLE b (n numeric(9, 2));\nINSERT INTO b VALUES (1.5);\n"
        "CREATE TABLE c (n int);\nINSERT INTO c VALUES (1);\nUPDATE c SET n = 2;\n"
    )
    report = drill(DrillRequest(dump), Silence(), now)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert [(t.table[-1], t.equality) for t in report.tables] == [
        ("a", Equality.SAME_ROWS),
        ("b", Equality.SAME_COUNT),
        ("c", Equality.SAME_COUNT),
    ]


MISSING = {
    "postgresql": ("CREATE EXTENSION nowhere WITH SCHEMA public;\n", "nowhere"),
    "mysql": (
        "CREATE TABLE `t` (`a` varchar(9)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nowhere_ci;\n",
        "nowhere",
    ),
}
"""What only another server could make, and the word that must be told."""


def test_what_the_server_lacks_makes_an_error_that_names_it(
    any_server: RunningServer, tmp_path: Path
) -> None:
    statement, name = MISSING[any_server.family]
    dump = tmp_path / "shop.sql"
    dump.write_text(f"-- Server version\t{any_server.version}-{any_server.dbms}\n{statement}")
    report = drilled(any_server, dump)
    assert report.verdict is Verdict.ERROR, report.reason
    assert name in (report.reason or "")
    assert exit_code([report]) == 1


def test_rows_in_another_order_are_shown_to_be_the_same_rows(
    mysql_server: RunningServer, tmp_path: Path
) -> None:
    dump = tmp_path / "shop.sql"
    dump.write_text(
        f"-- Server version\t{mysql_server.version}-{mysql_server.dbms}\n"
        "CREATE TABLE `t` (`n` int NOT NULL PRIMARY KEY, `what` text);\n"
        "INSERT INTO `t` VALUES (3,'it\\'s (c), (d)'),(1,NULL);\nINSERT INTO `t` VALUES (2,'');\n"
    )
    report = drilled(mysql_server, dump)
    assert [(t.table, t.expected, t.equality) for t in report.tables] == [("t", 3, Equality.SAME_ROWS)]
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)


def test_a_drill_leaves_nothing_behind(artifact: Path, any_server: RunningServer, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    usual = os.environ.get("TMPDIR")
    before = _children()
    os.environ["TMPDIR"] = str(folder)
    try:
        drilled(any_server, artifact)
    finally:
        os.environ.pop("TMPDIR")
        if usual is not None:
            os.environ["TMPDIR"] = usual
    assert list(folder.iterdir()) == []
    assert _children() <= before


def _children() -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found
