"""A take-over that cannot be, or that others are in the way of, is refused and changes nothing."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace

import pymysql
import pytest

from integration.engines.mysql.dumping import connected
from integration.engines.mysql.swapping import seen, trio
from python_backup.engines.engine import Server
from python_backup.engines.mysql import holding, takeover
from python_backup.engines.mysql.connection import open_session
from python_backup.engines.mysql.movable import Unmovable
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import JOURNAL
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError, NotPermitted, Refused
from python_backup.instance import Secret
from support import databases
from support.servers import RunningServer, instance_for


def test_open_sessions_are_named_and_refused_or_ended(mysql_server: RunningServer, names):
    target, fresh, before = names
    with connected(instance_for(mysql_server)) as server:
        assert server.sessions(target) == ()
        with closing(databases.connection(mysql_server, target)) as other:
            (line,) = server.sessions(target)
            assert line.startswith("root@localhost")
            with pytest.raises(Refused, match="1 other sessions use") as caught:
                server.take_over(Swap(fresh, target, before))
            assert line.split(" for ")[0] in str(caught.value)
            assert (server.unfinished(target), server.exists(before)) == (None, False)
            server.take_over(Swap(fresh, target, before, disconnect=True))
            with pytest.raises(Exception, match=r"Lost connection|gone away|killed|timeout"):
                other.query("SELECT 1")
        assert server.sessions(target) == ()


def test_names_that_are_taken_or_missing_are_refused(mysql_server: RunningServer, names):
    target, fresh, before = names
    with connected(instance_for(mysql_server)) as server:
        for swap in (Swap(fresh, target, None), Swap(fresh, before, target), Swap(fresh, target, fresh)):
            with pytest.raises(Refused, match="there is"):
                server.take_over(swap)
        with pytest.raises(BackupError, match="there is no database"):
            server.take_over(Swap(before, target, "other"))
        assert server.unfinished(target) is None


def test_keys_of_other_databases_are_refused_before_anything_is_touched(
    mysql_server: RunningServer, names, new_database
):
    target, fresh, before = names
    other = new_database(mysql_server, "other")
    own = databases.quoted(mysql_server, target)
    sql = f"CREATE TABLE t (p INT, CONSTRAINT afar FOREIGN KEY (p) REFERENCES {own}.parent (id))"
    databases.execute(mysql_server, other, sql)
    old = seen(mysql_server, target)
    with connected(instance_for(mysql_server)) as server:
        with pytest.raises(Unmovable, match=f"the foreign key 'afar' of {other}.t references a table"):
            server.take_over(Swap(fresh, target, before))
        assert (server.unfinished(target), server.exists(before)) == (None, False)
    assert seen(mysql_server, target) == old
    databases.drop(mysql_server, other)


def test_a_merge_of_tables_is_refused(mysql_server: RunningServer, names):
    target, fresh, before = names
    databases.execute(
        mysql_server, target, "CREATE TABLE p (id INT) ENGINE=MyISAM",
        "CREATE TABLE merged (id INT) ENGINE=MERGE UNION=(p)",
    )  # fmt: skip
    with (
        connected(instance_for(mysql_server)) as server,
        pytest.raises(Unmovable, match=r"'merged' of .* is a MERGE"),
    ):
        server.take_over(Swap(fresh, target, before))


def test_an_account_that_may_not_is_refused_before_anything_is_touched(
    private_mysql_server: RunningServer, new_database
):
    # accounts come and go on the shared servers, and SHOW GRANTS was once seen without a GRANT there
    names = trio(private_mysql_server, new_database)
    target, fresh, before = names
    user = f"u{time.monotonic_ns() % 10**9}"
    databases.execute(
        private_mysql_server, None, f"CREATE USER '{user}'@'%' IDENTIFIED BY 'Pw_1'",
        *(f"GRANT ALL ON {databases.quoted(private_mysql_server, n)}.* TO '{user}'@'%'" for n in names[:2]),
    )  # fmt: skip
    instance = replace(instance_for(private_mysql_server), username=user, password=Secret(lambda: "Pw_1"))
    try:
        with connected(instance) as server:
            with pytest.raises(NotPermitted, match=f"lacks rights on '{before}': SELECT"):
                server.take_over(Swap(fresh, target, before))
            own = databases.quoted(private_mysql_server, before)
            databases.execute(private_mysql_server, None, f"GRANT ALL ON {own}.* TO '{user}'@'%'")
        with connected(instance) as server:
            with pytest.raises(NotPermitted, match=r"has the definer root@localhost|hidden from the account"):
                server.take_over(Swap(fresh, target, before))
            assert (server.unfinished(target), server.exists(before)) == (None, False)
    finally:
        databases.execute(private_mysql_server, None, f"DROP USER '{user}'@'%'")


def test_a_transaction_that_does_not_end_fails_the_swap_and_nothing_is_changed(
    mysql_server: RunningServer, names
):
    target, fresh, before = names
    old, new = seen(mysql_server, target), seen(mysql_server, fresh)
    instance = instance_for(mysql_server)
    with closing(databases.connection(mysql_server)) as busy, connected(instance) as server:
        busy.query("START TRANSACTION")
        busy.query(f"UPDATE {databases.quoted(mysql_server, target)}.parent SET v = v WHERE id = 2")
        with pytest.raises(ServerSaid, match="1205"):
            takeover.take_over(
                lambda: open_session(instance), Swap(fresh, target, before), takeover.Terms(wait=1)
            )
        busy.rollback()
        assert (seen(mysql_server, target), seen(mysql_server, fresh)) == (old, new)
        assert (server.unfinished(target), server.exists(before)) == (None, False)
        assert server.settle(target).startswith("nothing was left")


def test_another_run_on_the_same_target_is_refused(mysql_server: RunningServer, names):
    target, fresh, before = names
    with connected(instance_for(mysql_server)) as server:
        with closing(open_session(instance_for(mysql_server))) as busy:
            holding.hold_swap(busy, target)
            with pytest.raises(Refused, match="another run works on"):
                server.take_over(Swap(fresh, target, before))
        assert (JOURNAL, "BASE TABLE") not in {row[:2] for row in seen(mysql_server, fresh)["tables"]}


def _until_let(server: Server, swap: Swap) -> None:
    for _ in range(50):
        try:
            server.take_over(swap)
        except Refused:
            continue
        return
    pytest.fail("the swap was refused each time")


def test_writers_never_lose_a_row_or_miss_a_table(mysql_server: RunningServer, names):
    target, fresh, before = names
    own = databases.quoted(mysql_server, target)
    # while a trigger runs, its database is the session's, so that the swap is refused; MariaDB: nearly always
    table, row = (
        ("child", "(p) VALUES (1)") if mysql_server.dbms == "mysql" else ("log", "(what) VALUES ('x')")
    )
    stop, done, errors = threading.Event(), [0] * 4, []

    def write(number: int) -> None:
        with closing(databases.connection(mysql_server)) as link:
            while not stop.is_set():
                try:
                    link.query(f"INSERT INTO {own}.{table} {row}")
                    done[number] += 1
                except pymysql.MySQLError as exc:
                    errors.append(exc)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        with connected(instance_for(mysql_server)) as server:
            for swap in (Swap(fresh, target, before), Swap(before, target, fresh)):
                _until_let(server, swap)
                time.sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    found = [databases.scalar(mysql_server, n, f"SELECT COUNT(*) FROM {table}") for n in (target, fresh)]
    assert (sum(found), errors) == (sum(done), [])
    assert min(found) > 0
    if mysql_server.dbms == "mysql":  # each row was seen by both triggers of its database
        logged = [databases.scalar(mysql_server, n, "SELECT COUNT(*) FROM log") for n in (target, fresh)]
        assert logged == [2 * count for count in found]
