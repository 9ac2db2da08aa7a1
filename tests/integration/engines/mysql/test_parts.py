"""Parts of a database are what its single dump is, and of one moment."""

from __future__ import annotations

import re
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace

import pytest

from integration.engines.mysql import dumping, everything
from python_backup.dump.facts import FactsCounter
from python_backup.engines.mysql import shares
from python_backup.engines.mysql import snapshot as moments
from python_backup.engines.mysql.connection import open_session
from python_backup.engines.mysql.engine import ENGINE
from python_backup.engines.mysql.ranges import Keyed, _Cutter, ranges
from python_backup.engines.mysql.rowtext import SETTINGS, columns
from python_backup.engines.mysql.snapshot import Wanted, snapshot
from python_backup.errors import Refused, ServerError, ToolFailed
from python_backup.instance import Limits, Secret
from python_backup.log.events import Event
from python_backup.model import PartKind, Scope
from support import databases
from support.servers import instance_for

ROUNDS = 20


def read(server, database: str, lanes: int = 2):
    """The facts of all parts, joined; and what was told."""
    counter = FactsCounter(ENGINE.dialect.objects(), ENGINE.dialect.statements(database))
    with server.plan_parts(database, Limits(timeout=120), lanes, Scope.INSTANCE).start() as source:
        for number, part in enumerate(source.parts):
            with source.read(part, number % source.lanes) as pieces:
                for piece in pieces:
                    counter.take(piece)
        assert source.errors == ()
        return counter.result(), source.warnings


@pytest.fixture
def whole(mysql_server, new_database):
    name = new_database(mysql_server, "whole")
    everything.build(mysql_server, name)
    if mysql_server.dbms == "mariadb":
        databases.execute(mysql_server, name, "DROP TABLE history")
    databases.execute(
        mysql_server,
        name,
        "CREATE TABLE old (a INT, b VARCHAR(9)) ENGINE=MyISAM",
        "INSERT INTO old VALUES (1, 'x')",
    )
    return name


def test_parts_have_the_facts_of_a_single_dump(mysql_server, whole, monkeypatch):
    monkeypatch.setattr(shares, "_SMALL", 0)
    monkeypatch.setattr(moments, "_LONG", 0.0)
    with dumping.connected(instance_for(mysql_server)) as server:
        facts, told = read(server, whole)
        dumped = dumping.dump(server, whole).facts
    rows = [{table.name: (table.rows, table.digest) for table in each.tables} for each in (facts, dumped)]
    assert rows[0] == rows[1]
    assert (facts.objects, facts.sequences, facts.statements) == (
        dumped.objects, dumped.sequences, dumped.statements,
    )  # fmt: skip
    assert any("ms while the snapshots began" in sentence for sentence in told)


def test_a_lock_of_some_milliseconds_is_for_the_log(mysql_server, new_database, monkeypatch):
    name = new_database(mysql_server, "brief")
    databases.execute(mysql_server, name, "CREATE TABLE t (a INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    logged = []
    monkeypatch.setattr(moments, "tell", lambda event, text: logged.append((event, text)))
    monkeypatch.setattr(moments, "_LONG", 60.0)
    with dumping.connected(instance_for(mysql_server)) as server:
        _, told = read(server, name)
    assert not any("while the snapshots began" in sentence for sentence in told)
    [(event, text)] = logged
    assert event is Event.NOTE
    assert re.search(r" waited for \d+ ms while the snapshots began$", text)


def test_all_lanes_see_one_moment(mysql_server, new_database):
    name = new_database(mysql_server, "moment")
    databases.execute(
        mysql_server, name, "CREATE TABLE a (v INT)", "CREATE TABLE b (v INT)", "CREATE TABLE m (v INT) ENGINE=MyISAM",
        "INSERT INTO a VALUES (0)", "INSERT INTO b VALUES (0)", "INSERT INTO m VALUES (0)",
    )  # fmt: skip
    over = threading.Event()

    def write() -> None:
        with closing(databases.connection(mysql_server, name)) as link, link.cursor() as cursor:
            while not over.is_set():
                for sql in (
                    "BEGIN",
                    "UPDATE a SET v = v + 1",
                    "UPDATE b SET v = v - 1",
                    "COMMIT",
                    "UPDATE m SET v = v + 1",
                ):
                    cursor.execute(sql)

    writer = threading.Thread(target=write)
    writer.start()
    instance = instance_for(mysql_server)
    try:
        for _ in range(ROUNDS):
            wanted = Wanted(name, 2, Scope.INSTANCE, 60)
            with snapshot(lambda: open_session(instance, name), wanted) as taken:
                one, two = taken.lanes
                first = one.value("SELECT HIGH_PRIORITY v FROM m")
                assert one.value("SELECT v FROM a") + two.value("SELECT v FROM b") == 0
                assert one.value("SELECT v FROM a") == two.value("SELECT v FROM a")
                assert two.value("SELECT HIGH_PRIORITY v FROM m") == first
    finally:
        over.set()
        writer.join()


def test_a_long_statement_is_not_waited_for_longer_than_lock_timeout(mysql_server, new_database):
    name = new_database(mysql_server, "long")
    databases.execute(mysql_server, name, "CREATE TABLE a (v INT)", "INSERT INTO a VALUES (0)")
    instance = instance_for(mysql_server)
    with closing(open_session(instance, name)) as busy:
        busy.rows("LOCK TABLES a WRITE")
        wanted = Wanted(name, 1, Scope.DATABASE, 1)
        with (
            pytest.raises(ServerError, match="no moment was found"),
            snapshot(lambda: open_session(instance, name), wanted),
        ):
            pass


@contextmanager
def reading(mysql_server, taken):
    """A backup's lane reads as long as the block runs."""
    [lane] = taken.lanes
    number = lane.value("SELECT CONNECTION_ID()")
    reads = (
        f"SELECT 1 FROM information_schema.processlist WHERE id = {number} AND info LIKE 'SELECT v, SLEEP%'"
    )

    def read() -> None:
        with suppress(ServerError):
            lane.rows("SELECT v, SLEEP(30) FROM t")

    thread = threading.Thread(target=read)
    thread.start()
    while not databases.rows(mysql_server, None, reads):
        time.sleep(0.01)
    yield
    assert thread.is_alive()
    databases.execute(mysql_server, None, f"KILL {number}")
    thread.join()


def test_a_second_backup_does_not_wait_for_what_the_first_reads_nor_does_who_writes(
    mysql_server, new_database
):
    one, two = (new_database(mysql_server, name) for name in ("reading", "beside"))
    for name in (one, two):
        databases.execute(mysql_server, name, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (0), (1)")
    instance = instance_for(mysql_server)

    def taken(name: str, patience: float):
        return snapshot(lambda: open_session(instance, name), Wanted(name, 1, Scope.INSTANCE, patience))

    with (
        taken(one, 60) as first,
        closing(open_session(instance, two)) as writer,
        reading(mysql_server, first),
    ):
        begun = time.monotonic()
        with taken(two, 1) as second:
            writer.rows("INSERT INTO t VALUES (2)")
            assert time.monotonic() - begun < 2
            assert second.lanes[0].value("SELECT COUNT(*) FROM t") == 2
    assert second.told == ()


@pytest.mark.parametrize("scope", Scope)
def test_a_third_backup_does_not_wait_for_what_the_second_reads_when_the_first_has_ended(
    mysql_server, new_database, scope
):
    name = new_database(mysql_server, "reading")
    databases.execute(mysql_server, name, "CREATE TABLE t (v INT)", "INSERT INTO t VALUES (0), (1)")
    instance = instance_for(mysql_server)

    def taken(scope: Scope):
        return snapshot(lambda: open_session(instance, name), Wanted(name, 1, scope, 1))

    with ExitStack() as stack:
        with taken(Scope.INSTANCE):
            second = stack.enter_context(taken(scope))
        stack.enter_context(reading(mysql_server, second))
        with taken(Scope.INSTANCE) as third:
            assert third.lanes[0].value("SELECT COUNT(*) FROM t") == 2


def test_a_definition_that_is_changed_meanwhile_fails_the_backup(mysql_server, new_database):
    name = new_database(mysql_server, "changed")
    databases.execute(mysql_server, name, "CREATE TABLE a (v INT)", "INSERT INTO a VALUES (0)")
    with dumping.connected(instance_for(mysql_server)) as server:
        plan = server.plan_parts(name, Limits(timeout=120), 1, Scope.INSTANCE)
        with pytest.raises(ToolFailed, match="were changed while"), plan.start() as source:
            for part in source.parts:
                with source.read(part, 0) as pieces:
                    list(pieces)
                if part is source.parts[0]:
                    databases.execute(mysql_server, name, "CREATE TABLE b (v INT)")


@pytest.mark.parametrize(
    ("lock", "told"),
    [(Scope.INSTANCE, "may lock neither the instance nor"), (Scope.DATABASE, "may lock no tables of")],
)
def test_an_account_that_may_lock_nothing_gets_no_parts(mysql_server, new_database, lock, told):
    name = new_database(mysql_server, "least")
    account = f"'{name[-12:]}'@'%'"
    databases.execute(
        mysql_server, None, f"CREATE USER {account} IDENTIFIED BY 'x'", f"GRANT SELECT ON *.* TO {account}"
    )
    try:
        instance = replace(instance_for(mysql_server), username=name[-12:], password=Secret(lambda: "x"))
        with dumping.connected(instance) as server, pytest.raises(Refused, match=told):
            server.plan_parts(name, Limits(), 2, lock)
    finally:
        databases.execute(mysql_server, None, f"DROP USER {account}")


WORDS = "CONCAT(CHAR(65 + n % 26), CHAR(97 + n % 25), n % 7, 'ä', n)"
KEYS = {
    "gaps": ("a BIGINT PRIMARY KEY", "n * n * n - 5000"),
    "composite": ("a INT, b INT, c VARCHAR(20), PRIMARY KEY (a, b, c)", "n % 3, n DIV 50, CONCAT('k', n)"),
    "words": ("a VARCHAR(30) COLLATE utf8mb4_unicode_ci PRIMARY KEY", WORDS),
    "exact": ("a VARCHAR(30) COLLATE utf8mb4_bin PRIMARY KEY", WORDS),
    "latin": ("a VARCHAR(30) CHARACTER SET latin1 PRIMARY KEY", WORDS),
    "bytes": ("a BINARY(16) PRIMARY KEY", "UNHEX(LEFT(SHA2(n, 256), 32))"),
    "days": ("d DATE, a INT, PRIMARY KEY (d, a)", "IF(n % 50, '2020-01-01' + INTERVAL n DAY, '0000-00-00'), n"),
    "choice": ("e ENUM('z', 'a', 'm'), a INT, PRIMARY KEY (e, a)", "1 + n % 3, n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEYS)
def test_ranges_take_each_row_once_in_the_keys_order_and_are_even(mysql_server, new_database, kind):
    name = new_database(mysql_server, "ranges")
    definition, values = KEYS[kind]
    digits = " CROSS JOIN ".join(
        f"(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5"
        f" UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) t{place}"
        for place in range(4)
    )
    databases.execute(
        mysql_server, name, "SET SESSION sql_mode = ''",
        f"CREATE TABLE t ({definition}) CHARACTER SET utf8mb4",
        f"INSERT INTO t SELECT {values} FROM (SELECT t0.d + 10 * t1.d + 100 * t2.d + 1000 * t3.d AS n FROM {digits}) x",
        "ANALYZE TABLE t",
    )  # fmt: skip
    with closing(open_session(instance_for(mysql_server), name)) as session:
        session.rows(SETTINGS)
        key = tuple(columns(session, name)["t"])
        found = ranges(session, Keyed("t", key, 10_000), 8)
        order = ", ".join(column.name for column in key)
        shown = ", ".join(f"HEX({column.name})" for column in key)
        each = [
            [row for where in one.conditions or ("1 = 1",)
             for row in session.rows(f"SELECT {shown} FROM t WHERE {where} ORDER BY {order}")]
            for one in found
        ]  # fmt: skip
        rows = session.rows(f"SELECT {shown} FROM t ORDER BY {order}")
    assert [row for part in each for row in part] == rows
    assert max(map(len, each)) <= (10_000 if kind == "choice" else 3_000)


def test_ranges_are_even_where_the_server_knows_nothing_of_its_rows_yet(
    mysql_server, new_database, monkeypatch
):
    name = new_database(mysql_server, "unknown")
    numbers = ", ".join(f"({number})" for number in range(2000))
    databases.execute(
        mysql_server, name, "CREATE TABLE t (id INT PRIMARY KEY)", f"INSERT INTO t VALUES {numbers}"
    )
    monkeypatch.setattr(_Cutter, "_estimate", lambda *_: 1)
    with closing(open_session(instance_for(mysql_server), name)) as session:
        session.rows(SETTINGS)
        found = ranges(session, Keyed("t", tuple(columns(session, name)["t"]), 2000), 8)
        each = [session.value(f"SELECT COUNT(*) FROM t WHERE {' OR '.join(one.conditions)}") for one in found]
    assert (sum(each), len(each)) == (2000, 8)
    assert max(each) <= 400


def test_a_row_longer_than_the_servers_values_may_be_is_read_value_by_value(mysql_server, new_database):
    name = new_database(mysql_server, "wide")
    half = "REPEAT('\"', @@max_allowed_packet DIV 2 - 100)"
    databases.execute(
        mysql_server, name, "CREATE TABLE t (id INT PRIMARY KEY, a LONGTEXT, b LONGBLOB, c LONGTEXT)",
        "INSERT INTO t VALUES (1, 'x', 'y', NULL)", f"INSERT INTO t VALUES (2, {half}, {half}, {half})",
        "INSERT INTO t VALUES (3, NULL, NULL, 'z')",
    )  # fmt: skip
    with dumping.connected(instance_for(mysql_server)) as server:
        facts, _ = read(server, name)
        dumped = dumping.dump(server, name).facts
    assert [(t.rows, t.digest) for t in facts.tables] == [(t.rows, t.digest) for t in dumped.tables]


def test_a_server_waits_for_a_lane_that_is_held_back_for_longer_than_its_own_timeout(mysql_server):
    with closing(open_session(instance_for(mysql_server))) as session:
        session.rows("SET SESSION net_write_timeout = 60")
        session.rows(SETTINGS)
        assert int(session.value("SELECT @@SESSION.net_write_timeout")) == 86_400


def test_floats_have_the_digits_that_bring_them_back(mysql_server, new_database):
    name = new_database(mysql_server, "floats")
    databases.execute(
        mysql_server, name, "CREATE TABLE t (id INT PRIMARY KEY, v FLOAT)",
        "INSERT INTO t VALUES (1, 0.1), (2, 16777217), (3, 3.4028233e38), (4, 3.1415927), (5, NULL)",
    )  # fmt: skip
    text = b""
    with (
        dumping.connected(instance_for(mysql_server)) as server,
        server.plan_parts(name, Limits(timeout=120), 1, Scope.INSTANCE).start() as source,
    ):
        for part in source.parts:
            with source.read(part, 0) as pieces:
                text += b"".join(piece.text for piece in pieces)
    (insert,) = [line.decode() for line in text.splitlines() if line.startswith(b"INSERT")]
    databases.execute(mysql_server, name, "CREATE TABLE again LIKE t", insert.replace("`t`", "again"))
    same = "SELECT COUNT(*) FROM t JOIN again USING (id) WHERE t.v <=> again.v"
    assert databases.scalar(mysql_server, name, same) == 5


def between(server, database: str, lanes: int, change, order=None):
    """The facts of all parts, read in this order; ``change`` is called behind each with how many are read."""
    counter = FactsCounter(ENGINE.dialect.objects(), ENGINE.dialect.statements(database))
    plan = server.plan_parts(database, Limits(timeout=120, lock=5), lanes, Scope.INSTANCE)
    with plan.start() as source:
        change(0)
        for number, part in enumerate(sorted(source.parts, key=order) if order else source.parts):
            with source.read(part, number % source.lanes) as pieces:
                for piece in pieces:
                    counter.take(piece)
            change(number + 1)
    return {table.name: table.rows for table in counter.result().tables}


def test_tables_that_take_each_others_names_before_they_are_read_fail_the_backup(
    mysql_server, new_database, monkeypatch
):
    monkeypatch.setattr(shares, "_SMALL", 0)
    name = new_database(mysql_server, "swapped")
    databases.execute(
        mysql_server, name, "CREATE TABLE a (v INT)", "CREATE TABLE b (v INT) COMMENT 'other'",
        "INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (3)",
    )  # fmt: skip

    def swap(read: int) -> None:
        if read == 2:
            databases.execute(mysql_server, name, "RENAME TABLE a TO c, b TO a, c TO b")

    with (
        dumping.connected(instance_for(mysql_server)) as server,
        pytest.raises(ToolFailed, match="were changed while") as raised,
    ):
        between(server, name, 2, swap, order=lambda part: part.kind is PartKind.DATA)
    assert raised.value.transient


def test_tables_without_transactions_are_not_believed_when_their_lock_is_gone(
    mysql_server, new_database, monkeypatch
):
    monkeypatch.setattr(shares, "_SMALL", 0)
    name = new_database(mysql_server, "unlocked")
    databases.execute(
        mysql_server, name, "CREATE TABLE m (v INT) ENGINE=MyISAM", "CREATE TABLE n (v INT) ENGINE=MyISAM",
        "INSERT INTO m VALUES (1), (2)", "INSERT INTO n VALUES (3)",
    )  # fmt: skip
    sessions = f"SELECT id FROM information_schema.processlist WHERE db = '{name}' ORDER BY id"

    def kill(read: int) -> None:
        if read == 2:  # m is read
            holder = databases.rows(mysql_server, name, sessions)[2][0]
            databases.execute(mysql_server, name, f"KILL {holder}", "DELETE FROM n")

    with (
        dumping.connected(instance_for(mysql_server)) as server,
        pytest.raises(ToolFailed, match="the session that locked them was ended") as raised,
    ):
        between(server, name, 2, kill)
    assert raised.value.transient


def test_who_waits_to_change_a_table_is_not_waited_for_by_its_further_parts(
    mysql_server, new_database, monkeypatch
):
    monkeypatch.setattr(shares, "_SMALL", 0)
    monkeypatch.setattr(shares, "_SHARE", 20_000)
    name = new_database(mysql_server, "altered")
    numbers = ", ".join(f"({number}, REPEAT('x', 100))" for number in range(1000))
    databases.execute(
        mysql_server, name, "CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(200))", f"INSERT INTO a VALUES {numbers}",
        "ANALYZE TABLE a",
    )  # fmt: skip
    done = threading.Event()

    def alter() -> None:
        databases.execute(mysql_server, name, "ALTER TABLE a ADD c INT")
        done.set()

    altering = threading.Thread(target=alter)
    waiting = (
        f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND state LIKE 'Waiting for%'"
    )

    def begin(read: int) -> None:
        if read == 2:  # the definitions: mysqldump would wait behind it
            altering.start()
            while not databases.rows(mysql_server, name, waiting):
                time.sleep(0.01)

    with dumping.connected(instance_for(mysql_server)) as server:
        rows = between(server, name, 3, begin, order=lambda part: part.kind is PartKind.DATA)
    assert rows == {"a": 1000}
    altering.join()
    assert done.is_set()


def test_days_that_no_month_has_are_bounds_of_ranges(mysql_server, new_database, monkeypatch):
    monkeypatch.setattr(shares, "_SMALL", 0)
    monkeypatch.setattr(shares, "_SHARE", 20_000)
    name = new_database(mysql_server, "days")
    days = ("2024-00-00", "2024-02-00", "2024-02-28", "2024-02-30", "2024-02-31", "2024-04-31")
    values = ", ".join(f"('{day}', {number}, REPEAT('x', 100))" for day in days for number in range(400))
    databases.execute(
        mysql_server, name, "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
        "CREATE TABLE t (d DATE, id INT, t VARCHAR(200), PRIMARY KEY (d, id))", f"INSERT INTO t VALUES {values}",
        "ANALYZE TABLE t",
    )  # fmt: skip
    with dumping.connected(instance_for(mysql_server)) as server:
        assert between(server, name, 2, lambda _: None) == {"t": 400 * len(days)}
