"""Merging a backup's rows into tables that have changed since, on every server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_in_place import DUMPS
from python_backup.dump.pick import Pick
from python_backup.engines.merged import How, Merged
from python_backup.errors import DatabaseMissing, Refused, StatementFailed, UsageError
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.merge import MergeReport, MergeRequest, merge
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]


def backed_up(server: RunningServer, folder: Path, database: str) -> Path:
    request = BackupRequest((instance_for(server),), (database,), folder, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    if result.error is not None:
        raise result.error
    assert result.path is not None
    return result.path


def merged(
    server: RunningServer, file: Path, how: How, *tables: str, target: str | None = None
) -> MergeReport:
    return merge(MergeRequest(file, instance_for(server), how, Pick(tables), target), Silence())


def label_of(server: RunningServer, table: str) -> str:
    return f"public.{table}" if server.family == "postgresql" else table


def counts(report: MergeReport) -> list[tuple[str, int, int, int]]:
    return [(m.table.removeprefix("public."), m.added, m.kept, m.replaced) for m in report.merged]


@pytest.fixture
def shop(any_server: RunningServer, new_database: Name, tmp_path: Path) -> tuple[str, Path]:
    """A database with two tables, its backup, and changes since: row 2 changed, 3 gone, 9 new."""
    name = new_database(any_server, "shop")
    counted = "serial" if any_server.family == "postgresql" else "int auto_increment"
    databases.execute(
        any_server, name,
        f"create table customer (id {counted} primary key, name varchar(20) not null, boss int,"
        " foreign key (boss) references customer (id))",
        f"create table aorder (id {counted} primary key, customer int not null, total decimal(10,2),"
        " foreign key (customer) references customer (id))",
        "insert into customer (id, name, boss) values (1, 'one', null), (2, 'two', 1), (3, 'three', null)",
        "update customer set boss = 3 where id = 2",
        "insert into aorder (id, customer, total) values (1, 1, 1), (2, 2, 2), (3, 3, 3)",
    )  # fmt: skip
    file = backed_up(any_server, tmp_path, name)
    databases.execute(
        any_server, name,
        "update customer set name = 'TWO', boss = null where id = 2",
        "delete from aorder where id = 3",
        "delete from customer where id = 3",
        "insert into customer (id, name) values (9, 'nine')",
    )  # fmt: skip
    return name, file


def test_kept_rows_stay_as_they_are_and_missing_ones_come_back(any_server: RunningServer, shop):
    name, file = shop
    report = merged(any_server, file, "keep", "*")
    assert counts(report) == [("aorder", 1, 2, 0), ("customer", 1, 2, 0)]
    assert databases.rows(any_server, name, "select id, name, boss from customer order by id") == [
        (1, "one", None), (2, "TWO", None), (3, "three", None), (9, "nine", None),
    ]  # fmt: skip
    assert databases.scalar(any_server, name, "select count(*) from aorder") == 3


def test_replaced_rows_are_the_dumps_and_others_stay(any_server: RunningServer, shop):
    name, file = shop
    report = merged(any_server, file, "replace", "*")
    assert counts(report) == [("aorder", 1, 0, 2), ("customer", 1, 0, 2)]
    assert databases.rows(any_server, name, "select id, name, boss from customer order by id") == [
        (1, "one", None), (2, "two", 3), (3, "three", None), (9, "nine", None),
    ]  # fmt: skip


def test_merging_twice_changes_nothing(any_server: RunningServer, shop):
    _, file = shop
    merged(any_server, file, "replace", "*")
    assert counts(merged(any_server, file, "keep", "*")) == [("aorder", 0, 3, 0), ("customer", 0, 3, 0)]


def test_rows_that_refer_to_what_is_not_picked_are_refused_and_nothing_is_changed(
    any_server: RunningServer, shop
):
    name, file = shop
    with pytest.raises(StatementFailed, match=r"(?s)aorder.*foreign key"):
        merged(any_server, file, "keep", "aorder")
    assert databases.scalar(any_server, name, "select count(*) from aorder") == 2


def test_what_fails_at_the_last_table_leaves_all_tables_as_they_were(any_server: RunningServer, shop):
    name, file = shop
    databases.execute(
        any_server, name,
        "alter table aorder add constraint small check (total < 3)",
    )  # fmt: skip
    before = databases.rows(any_server, name, "select * from customer order by id")
    with pytest.raises(StatementFailed, match="aorder"):
        merged(any_server, file, "replace", "*")
    assert databases.rows(any_server, name, "select * from customer order by id") == before


def test_another_unique_key_that_collides_is_refused_without_the_rows_value(any_server: RunningServer, shop):
    name, file = shop
    databases.execute(
        any_server, name,
        "update customer set name = 'three' where id = 9", "create unique index one_name on customer (name)",
    )  # fmt: skip
    with pytest.raises(StatementFailed, match=r"customer.*one_name") as caught:
        merged(any_server, file, "keep", "customer")
    assert "three" not in caught.value.message
    assert "primary key alone" in (caught.value.hint or "")
    assert databases.scalar(any_server, name, "select count(*) from customer") == 3


def test_rows_added_only_must_not_be_there(any_server: RunningServer, shop):
    name, file = shop
    with pytest.raises(StatementFailed, match="customer"):
        merged(any_server, file, "add", "customer")
    databases.execute(any_server, name, "delete from aorder", "delete from customer")
    assert counts(merged(any_server, file, "add", "*")) == [("aorder", 3, 0, 0), ("customer", 3, 0, 0)]


def test_later_rows_get_numbers_of_their_own(any_server: RunningServer, new_database: Name, tmp_path: Path):
    postgresql = any_server.family == "postgresql"
    name, target = new_database(any_server), new_database(any_server)
    table = "create table t (id int generated always as identity primary key, v int)" if postgresql else (
        "create table t (id int auto_increment primary key, v int)"
    )  # fmt: skip
    for database in (name, target):
        databases.execute(any_server, database, table)
    databases.execute(any_server, name, "insert into t (v) values (1), (2), (3)")
    file = backed_up(any_server, tmp_path, name)
    report = merged(any_server, file, "keep", "t", target=target)
    databases.execute(any_server, target, "insert into t (v) values (4)")
    assert databases.scalar(any_server, target, "select id from t where v = 4") > 3
    assert ["set forward" in said for said in report.merged[0].advanced] == [True]


def test_generated_columns_composite_keys_big_rows_and_odd_names(
    any_server: RunningServer, new_database: Name, tmp_path: Path
):
    postgresql = any_server.family == "postgresql"
    quote = lambda n: databases.quoted(any_server, n)  # noqa: E731
    table = quote('a `b" %s.c')
    name, target = new_database(any_server, "a `b"), new_database(any_server, 'c "d%')
    text = "text" if postgresql else "longtext"
    for database in (name, target):
        databases.execute(
            any_server, database,
            f"create table {table} ({quote('k 1')} varchar(20), k2 int, big {text}, n int,"
            f" twice int generated always as (n * 2) stored, primary key (k2, {quote('k 1')}))",
        )  # fmt: skip
    insert = f"insert into {table} ({quote('k 1')}, k2, big, n) values "
    databases.execute(
        any_server, name,
        insert + "('a', 1, repeat('x\t\\\\', 700000), 4)", insert + "('b', 1, '', 5)", insert + "('a', 2, null, null)",
    )  # fmt: skip
    databases.execute(any_server, target, insert + "('a', 1, 'mine', 7)")
    file = backed_up(any_server, tmp_path, name)
    (one,) = merged(any_server, file, "replace", 'a `b" %s.c', target=target).merged
    assert (one.added, one.kept, one.replaced) == (2, 0, 1)
    ask = f"select {quote('k 1')}, k2, big, twice from {table} order by 1, 2"
    assert databases.rows(any_server, target, ask) == databases.rows(any_server, name, ask)


def test_a_table_without_primary_key_is_merged_only_while_it_is_empty(
    any_server: RunningServer, new_database: Name, tmp_path: Path
):
    name = new_database(any_server)
    databases.execute(any_server, name, "create table t (v int)", "insert into t values (1), (1)")
    file = backed_up(any_server, tmp_path, name)
    with pytest.raises(Refused, match="no primary key"):
        merged(any_server, file, "keep", "t")
    databases.execute(any_server, name, "delete from t")
    assert merged(any_server, file, "keep", "t").merged == (Merged(label_of(any_server, "t"), 2, 0, 0),)


def test_a_column_or_table_that_the_target_lacks_is_refused(any_server: RunningServer, shop):
    name, file = shop
    databases.execute(any_server, name, "alter table aorder drop column total")
    with pytest.raises(Refused, match=r"no column .?total"):
        merged(any_server, file, "keep", "*")
    databases.execute(any_server, name, "drop table aorder")
    with pytest.raises(Refused, match=r"no table .*aorder"):
        merged(any_server, file, "keep", "*")
    assert databases.scalar(any_server, name, "select count(*) from customer") == 3


def test_columns_that_the_target_has_beyond_the_dump_get_their_defaults(any_server: RunningServer, shop):
    name, file = shop
    databases.execute(any_server, name, "alter table customer add column more int not null default 7")
    merged(any_server, file, "replace", "customer")
    assert databases.rows(any_server, name, "select id, more from customer order by id") == [
        (1, 7), (2, 7), (3, 7), (9, 7),
    ]  # fmt: skip


def test_triggers_fire_and_may_refuse(any_server: RunningServer, shop):
    name, file = shop
    databases.execute(any_server, name, "create table seen (id int primary key)")
    if any_server.family == "postgresql":
        databases.execute(
            any_server, name,
            "create function seen() returns trigger language plpgsql as"
            " $$ begin insert into seen values (new.id); return new; end $$",
            "create trigger seen after insert on customer for each row execute function seen()",
        )  # fmt: skip
    else:
        databases.execute(
            any_server, name,
            "create trigger seen after insert on customer for each row insert into seen values (new.id)",
        )  # fmt: skip
    merged(any_server, file, "keep", "customer")
    assert databases.rows(any_server, name, "select id from seen") == [(3,)]


def test_a_row_that_a_trigger_leaves_out_is_not_counted_as_kept(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(postgresql_server, "shop")
    databases.execute(
        postgresql_server, name,
        "create table t (id int primary key)", "insert into t values (1), (2)",
        "create function leave_out() returns trigger language plpgsql as $$ begin return null; end $$",
    )  # fmt: skip
    file = backed_up(postgresql_server, tmp_path, name)
    databases.execute(
        postgresql_server, name,
        "delete from t where id = 2", "create trigger leave_out before insert on t for each row execute procedure leave_out()",
    )  # fmt: skip
    with pytest.raises(StatementFailed, match="took 1 of 2 rows"):
        merged(postgresql_server, file, "keep", "t")


@pytest.mark.parametrize("how", ["keep", "replace"])
def test_rows_that_the_targets_key_takes_for_one_are_refused(
    any_server: RunningServer, new_database: Name, tmp_path: Path, how: How
) -> None:
    name = new_database(any_server, "shop")
    databases.execute(
        any_server, name,
        "create table t (a varchar(9), b int, primary key (a, b))", "insert into t values ('x', 1), ('x', 2)",
    )  # fmt: skip
    file = backed_up(any_server, tmp_path, name)
    databases.execute(
        any_server, name,
        "drop table t", "create table t (a varchar(9) primary key, b int)", "insert into t values ('y', 3)",
    )  # fmt: skip
    with pytest.raises(
        (Refused, StatementFailed), match=r"one value of the target's primary key|Duplicate entry"
    ):
        merged(any_server, file, how, "t")
    assert databases.rows(any_server, name, "select a, b from t") == [("y", 3)]


def test_a_target_that_is_not_there_and_definitions_are_refused(any_server: RunningServer, shop):
    _, file = shop
    with pytest.raises(DatabaseMissing):
        merged(any_server, file, "keep", target="no such")
    with pytest.raises(UsageError):
        merge(MergeRequest(file, instance_for(any_server), "keep", Pick(schema_only=True)), Silence())


def test_a_table_without_transactions_is_refused(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
):
    name = new_database(mysql_server)
    databases.execute(
        mysql_server, name, "create table t (id int primary key) engine = MyISAM", "insert into t values (1)"
    )
    file = backed_up(mysql_server, tmp_path, name)
    with pytest.raises(Refused, match="MyISAM"):
        merged(mysql_server, file, "keep")


def test_a_value_that_does_not_fit_is_refused(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
):
    name = new_database(mysql_server)
    databases.execute(
        mysql_server, name,
        "create table t (id int primary key, v varchar(20))", "insert into t values (0, 'much too long'), (1, '')",
    )  # fmt: skip
    file = backed_up(mysql_server, tmp_path, name)
    databases.execute(mysql_server, name, "delete from t", "alter table t modify v varchar(3)")
    with pytest.raises(StatementFailed, match=r"line .* t .*too long"):
        merged(mysql_server, file, "keep")
    assert databases.scalar(mysql_server, name, "select count(*) from t") == 0


def test_partitions_are_merged_each_by_its_own_key(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
):
    name = new_database(postgresql_server)
    databases.execute(
        postgresql_server, name,
        "create table m (id int, d int, v text, primary key (id, d)) partition by range (d)",
        "create table m1 partition of m for values from (0) to (10)",
        "create table m2 partition of m for values from (10) to (20)",
        "insert into m select i, i % 20, 'v' from generate_series(1, 40) i",
    )  # fmt: skip
    file = backed_up(postgresql_server, tmp_path, name)
    databases.execute(postgresql_server, name, "delete from m where id > 30", "update m set v = 'new'")
    report = merged(postgresql_server, file, "keep", "m")
    assert [(m.table, m.added, m.kept) for m in report.merged] == [("public.m1", 1, 19), ("public.m2", 9, 11)]


def test_a_rehearsed_merge_changes_nothing_and_refuses_what_the_merge_would(
    any_server: RunningServer, shop: tuple[str, Path]
) -> None:
    name, file = shop
    before = [
        databases.rows(any_server, name, f"select * from {t} order by 1") for t in ("customer", "aorder")
    ]

    def rehearsed() -> MergeReport:
        request = MergeRequest(file, instance_for(any_server), "keep", Pick(), name, dry_run=True)
        return merge(request, Silence())

    assert rehearsed().merged == ()
    databases.execute(any_server, name, "alter table aorder drop column total")
    with pytest.raises(Refused, match=r'has no column "?total'):
        rehearsed()
    databases.execute(any_server, name, "drop table aorder")
    with pytest.raises(Refused, match=r"the target has no table (public.)?aorder to merge into"):
        rehearsed()
    assert databases.rows(any_server, name, "select * from customer order by 1") == before[0]


def test_a_name_in_a_view_that_may_mean_the_database_bars_no_merge_under_another(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    target, file = new_database(mysql_server, "target"), tmp_path / "old.sql"
    databases.execute(mysql_server, target, "create table t (c int primary key)")
    rows = "CREATE TABLE t (c int PRIMARY KEY);\nINSERT INTO t VALUES (1),(2);\nCREATE VIEW v AS SELECT old.c FROM t;"
    file.write_text(DUMPS["mysql"].format("-- Host: h    Database: old\n" + rows))
    report = merged(mysql_server, file, "keep", target=target)
    assert (report.source, counts(report)) == ("old", [("t", 2, 0, 0)])
    assert not [text for text in report.warnings if not text.startswith("checksum: ")]
