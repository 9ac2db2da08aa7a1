"""What the engine says and does on real servers: names, rights, tools that fail, limits, lost connections."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from integration.engines.mysql.dumping import connected, dump, pieces, restore
from integration.engines.mysql.everything import NAMES
from python_backup.dump.dialect import SourceDatabase
from python_backup.errors import ConnectionFailed, NotPermitted, StatementFailed, ToolFailed
from python_backup.instance import Instance, Limits, Secret, Tls, TlsMode
from python_backup.model import label
from support import databases
from support.programs import Program
from support.servers import RunningServer, instance_for
from support.stoppable import lone_server

PASSWORD = "p\"a's\\s#w\\\\ é;$(x)`"


@pytest.fixture
def account(mysql_server: RunningServer, new_database):
    """An account without rights; its name, and an instance that logs in as it."""
    made: list[str] = []

    def make(*rights: str) -> Instance:
        user = f"u{time.monotonic_ns() % 10**9}"
        for host in ("localhost", "%"):
            who = f"'{user}'@'{host}'"
            made.append(who)
            quoted = PASSWORD.replace("\\", "\\\\").replace("'", "''")
            databases.execute(mysql_server, None, f"CREATE USER {who} IDENTIFIED BY '{quoted}'")
            databases.execute(mysql_server, None, *(f"GRANT {right} TO {who}" for right in rights))
        return replace(instance_for(mysql_server), username=user, password=Secret(lambda: PASSWORD))

    yield make
    databases.execute(mysql_server, None, *(f"DROP USER {who}" for who in made))


@pytest.mark.parametrize("name", NAMES)
def test_a_database_of_any_name_is_dumped_restored_counted_and_dropped(
    mysql_server: RunningServer, new_database, name
):
    source, target = new_database(mysql_server, name), new_database(mysql_server, f"to {name}", create=False)
    own = databases.quoted(mysql_server, source)
    databases.execute(
        mysql_server, source, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1), (2)",
        f"CREATE VIEW v AS SELECT n FROM {own}.t",
    )  # fmt: skip
    with connected(instance_for(mysql_server)) as server:
        assert source in server.databases()
        assert server.lacks(source) == ()
        assert server.size(source) >= 0
        found = dump(server, source)
        assert (found.errors, found.facts.objects) == ([], {"tables": ("t",), "views": ("v",)})
        restore(server, found.text, source, target)
        assert server.exists(target)
        assert server.counts(target) == {"t": 2}
        assert server.objects(target) == found.facts.objects
        server.drop(target)
        assert not server.exists(target)
        assert server.exists(source)


def test_the_engines_own_databases_are_left_out(mysql_server: RunningServer):
    with connected(instance_for(mysql_server)) as server:
        assert not {"mysql", "sys", "information_schema", "performance_schema"} & set(server.databases())
        assert server.exists("mysql")


def test_many_tables_are_counted_exactly(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    made = (f"CREATE TABLE `t {number}` AS SELECT 1 AS n WHERE {number} % 2 = 0" for number in range(120))
    databases.execute(mysql_server, name, *made)
    with connected(instance_for(mysql_server)) as server:
        assert server.counts(name) == {label(f"t {n}"): 1 - n % 2 for n in range(120)}


def test_an_empty_database_has_no_counts_and_no_objects(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    with connected(instance_for(mysql_server)) as server:
        assert (server.counts(name), server.objects(name), server.sequences(name)) == ({}, {}, {})


def test_each_missing_right_is_named_with_the_grant_that_mends_it(
    mysql_server: RunningServer, new_database, account
):
    name = new_database(mysql_server, "a_b")
    databases.execute(
        mysql_server, name, "CREATE TABLE t (n INT)", "CREATE PROCEDURE p() SELECT 1",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1",
    )  # fmt: skip
    instance = account(f"SELECT, SHOW VIEW ON {databases.quoted(mysql_server, name)}.*")
    with connected(instance) as server:
        problems = [str(lack) for lack in server.lacks(name)]
        assert [problem.split(":")[0] for problem in problems] == [
            "triggers would be missing", "events would be missing", "routines would be missing"
        ]  # fmt: skip
        assert "triggers" not in dump(server, name).facts.objects
    databases.execute(mysql_server, None, *(problem.partition(": ")[2] for problem in problems))
    with connected(instance) as server:
        assert server.lacks(name) == ()
        found = dump(server, name)
        assert found.errors == []
        assert set(found.facts.objects) == {"tables", "triggers", "events", "routines"}


def test_a_refused_login_names_address_and_account_but_no_password(mysql_server: RunningServer, account):
    wrong = replace(account(), password=Secret(lambda: "wr0ng"))
    with pytest.raises(NotPermitted, match=f":{mysql_server.port} as 'u.*1045") as caught:
        connected(wrong).__enter__()
    assert "wr0ng" not in str(caught.value)


def test_a_server_that_is_not_there_is_named(mysql_server: RunningServer):
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1 as .*2003"):
        connected(replace(instance_for(mysql_server), port=1)).__enter__()
    with pytest.raises(ConnectionFailed, match="/no/such/socket"):
        connected(replace(instance_for(mysql_server), socket="/no/such/socket")).__enter__()


@pytest.mark.parametrize("mode", [TlsMode.PREFER, TlsMode.REQUIRE])
def test_driver_and_tool_agree_on_tls(mysql_server: RunningServer, new_database, account, mode):
    name = new_database(mysql_server)
    instance = replace(account("SELECT, SHOW VIEW, TRIGGER, EVENT ON *.*"), tls=Tls(mode))
    has_tls = databases.rows(mysql_server, None, "SELECT @@tls_version")[0][0] and _has_certificate(
        mysql_server
    )
    if mode is TlsMode.REQUIRE and not has_tls:
        with pytest.raises(ConnectionFailed, match="SSL is required"):
            connected(instance).__enter__()
        return
    with connected(instance) as server:
        assert dump(server, name).errors == []


def _has_certificate(server: RunningServer) -> bool:
    found = databases.rows(server, None, "SHOW VARIABLES LIKE 'have_ssl'")
    return found[0][1] == "YES" if found else True


def test_a_broken_view_makes_a_partial_dump(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    databases.execute(
        mysql_server, name, "CREATE TABLE t (n INT)", "CREATE VIEW v AS SELECT n FROM t", "DROP TABLE t",
        "CREATE TABLE kept (n INT)",
    )  # fmt: skip
    with connected(instance_for(mysql_server)) as server:
        found = dump(server, name)
    assert "(1356)" in found.errors[0]
    assert "kept" in found.facts.objects["tables"]


def test_a_database_that_is_gone_fails_the_dump_although_the_tool_writes_its_trailer(
    mysql_server: RunningServer,
):
    with connected(instance_for(mysql_server)) as server, pytest.raises(ToolFailed, match="1049"):
        dump(server, "no such database")


def test_a_dump_whose_connection_is_ended_fails(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    databases.execute(mysql_server, name, "CREATE TABLE t (v LONGTEXT)")
    databases.execute(mysql_server, name, *["INSERT INTO t VALUES (REPEAT('x', 4000000))"] * 12)
    with connected(instance_for(mysql_server)) as server:
        plan = server.plan_dump(name, Limits(timeout=60))
        with plan.start() as stream, pytest.raises(ToolFailed, match=r"Lost connection|gone away|2013"):
            next(stream.blocks)
            assert databases.end_sessions(mysql_server, name)
            list(stream.blocks)


def test_losses_are_told_as_warnings(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    databases.execute(
        mysql_server, name, "CREATE TABLE t (f FLOAT, d DOUBLE)", "CREATE TABLE m (n INT) ENGINE=MyISAM"
    )
    with connected(instance_for(mysql_server)) as server:
        warnings = dump(server, name).warnings
    assert [w.rpartition(": ")[2] for w in warnings] == ["t.f", "m (MyISAM)"]


def test_a_statement_that_the_server_refuses_is_named_by_its_line_and_code(
    mysql_server: RunningServer, new_database
):
    name = new_database(mysql_server)
    text = b"CREATE TABLE t (n INT PRIMARY KEY);\nINSERT INTO t VALUES (1),\n(2),(2),(77);\n"
    with connected(instance_for(mysql_server)) as server, pytest.raises(StatementFailed) as caught:
        server.load(name, pieces(text), complete=True)
    assert caught.value.message.startswith("line 2: INSERT INTO t VALUES: Duplicate entry '2' for key")
    assert caught.value.message.endswith("(1062)")
    assert "77" not in caught.value.message


def test_a_statement_larger_than_the_server_takes_is_refused_with_the_settings_name(
    mysql_server: RunningServer, new_database
):
    name = new_database(mysql_server)
    largest = databases.rows(mysql_server, None, "SELECT @@global.max_allowed_packet")[0][0]
    text = b"INSERT INTO t VALUES ('" + b"x" * largest + b"');\n"
    with connected(instance_for(mysql_server)) as server:
        with pytest.raises(StatementFailed, match=r"line 1: .*max_allowed_packet is") as caught:
            server.load(name, pieces(text), complete=True)
        assert "SET GLOBAL max_allowed_packet" in str(caught.value.hint)
        near = b"CREATE TABLE t (v LONGBLOB);\nINSERT INTO t VALUES ('" + b"x" * (largest - 1000) + b"');\n"
        server.load(name, pieces(near), complete=True)
        assert server.counts(name) == {"t": 1}


def test_two_statements_are_never_sent_as_one(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    text = b"DELIMITER //\nCREATE TABLE t (n INT); CREATE TABLE u (n INT)//\n"
    with connected(instance_for(mysql_server)) as server:
        with pytest.raises(StatementFailed, match="1064"):
            server.load(name, pieces(text), complete=True)
        assert server.objects(name) == {}


def test_a_restore_whose_connection_is_ended_says_so(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)

    def statements():
        yield from pieces(b"CREATE TABLE t (n INT);\n")
        yield from pieces(b"DO SLEEP(20);\n" * 2)

    ended: list[int] = []

    def end_soon():
        time.sleep(1)
        ended.append(databases.end_sessions(mysql_server, name))

    ender = threading.Thread(target=end_soon)
    ender.start()
    with connected(instance_for(mysql_server)) as server, pytest.raises((ConnectionFailed, StatementFailed)):
        server.load(name, statements(), complete=True)
    ender.join()
    assert ended[0]


def test_a_database_in_use_is_dropped_with_its_sessions(mysql_server: RunningServer, new_database):
    name = new_database(mysql_server)
    with closing(databases.connection(mysql_server, name)) as held, held.cursor() as cursor:
        for statement in ("CREATE TABLE t (n INT)", "BEGIN", "SELECT * FROM t"):
            cursor.execute(statement)
        with connected(instance_for(mysql_server)) as server:
            server.drop(name)
            assert not server.exists(name)


def test_a_foreign_dump_is_read_alike_under_any_mode_of_the_server(lone_mysql: Program):
    text = b"CREATE TABLE t (v TEXT);\nINSERT INTO t VALUES (\"it\\'s\"),('a\\\\');\n"
    with lone_server(lone_mysql) as lone:
        databases.execute(lone.server, None, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
        databases.create(lone.server, "t")
        with connected(instance_for(lone.server)) as server:
            server.load("t", pieces(text), complete=True)
            assert server.counts("t") == {"t": 2}
        assert databases.rows(lone.server, "t", "SELECT v FROM t") == [("it's",), ("a\\",)]


def test_a_new_database_has_the_dumps_character_set(mysql_server: RunningServer, new_database):
    with connected(instance_for(mysql_server)) as server:
        for like, expected in (
            (None, ("utf8mb4", "utf8mb4_unicode_ci")),
            (SourceDatabase("x", {"charset": "latin1", "collation": "latin1_bin"}), ("latin1", "latin1_bin")),
        ):
            name = new_database(mysql_server, create=False)
            assert server.create(name, like) == ()
            found = databases.rows(
                mysql_server, name, "SELECT @@character_set_database, @@collation_database"
            )
            assert found == [expected]


def test_history_of_an_older_mariadb_is_not_silently_taken_for_what_it_was(
    mysql_server: RunningServer, new_database
):
    if mysql_server.dbms != "mariadb":
        pytest.skip("needs MariaDB's system versioning")
    if mysql_server.major < (10, 11):
        pytest.skip("needs MariaDB 10.11, the first whose dumps hold history")
    name = new_database(mysql_server)
    text = (
        b"SET time_zone = '+00:00';\nCREATE TABLE t (n INT) WITH SYSTEM VERSIONING;\n"
        b"SET system_versioning_insert_history = 1;\nINSERT INTO t (n, row_start, row_end) VALUES"
        b" (1,'2024-01-01 00:00:00.000000','2038-01-19 03:14:07.999999');\n"
    )
    with connected(instance_for(mysql_server)) as server:
        if mysql_server.major < (11, 5):
            server.load(name, pieces(text), complete=True)
            assert databases.rows(mysql_server, name, "SELECT n FROM t") == [(1,)]
            return
        with pytest.raises(StatementFailed, match="table t: 1 rows") as caught:
            server.load(name, pieces(text), complete=True)
        assert "--update-history" in str(caught.value.hint)


def test_events_that_the_tool_cannot_reach_make_a_partial_dump_not_none(
    mysql_server: RunningServer, new_database
):
    name = new_database(mysql_server, "it's")
    databases.execute(
        mysql_server,
        name,
        "CREATE TABLE t (n INT)",
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO SELECT 1",
    )
    with connected(instance_for(mysql_server)) as server:
        found = dump(server, name)
    assert found.facts.objects["tables"] == ("t",)
    assert ("events" in found.facts.objects) == (found.errors == [])


def test_a_connection_that_was_lost_while_idle_is_made_anew(mysql_server: RunningServer, new_database):
    database = new_database(mysql_server)
    with connected(instance_for(mysql_server)) as server:
        number = server._session.value("SELECT CONNECTION_ID()")
        databases.execute(mysql_server, None, f"KILL {number}")
        assert server.exists(database)
        assert server.lacks(database) == ()
