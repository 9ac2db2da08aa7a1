"""Dumps that people wrote: their tables make keys, checks and sequences that have no name in the text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.errors import StatementFailed
from python_backup.jobs.in_place import Safety
from python_backup.jobs.plan import Verdict, plan
from python_backup.jobs.restore import RestoreRequest, restore
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

DUMPS = {
    "postgresql": (
        "CREATE TABLE orders (id serial PRIMARY KEY, what text UNIQUE, n int CHECK (n > 0), r int REFERENCES orders);\n"
        "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 1);\n"
    ),
    "mysql": (
        "CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, what varchar(9) UNIQUE, n int CHECK (n > 0), r int,"
        " FOREIGN KEY (r) REFERENCES orders (id));\n"
        "INSERT INTO orders VALUES (1, 'a', 1, NULL), (2, 'b', 1, 1);\n"
    ),
}

LATE = (
    "-- MariaDB dump 10.19-11.8.6-MariaDB, for Linux (x86_64)\n"
    "/*!40103 SET TIME_ZONE='+00:00' */;\n"
    "/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
    "CREATE TABLE `orders` (`id` int, `due` timestamp NULL);\n"
    "INSERT INTO `orders` VALUES\n(1,'2037-12-31 00:00:00'),\n(2,'2100-01-01 00:00:00');\n"
    "-- Dump completed on 2026-01-01  0:00:00\n"
)
"""A time that MariaDB has from 11.5 on, in a dump that lets values be changed with a warning."""


def now() -> datetime:
    return datetime.now(UTC)


def test_a_dump_written_by_hand_is_restored(
    any_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    dump = tmp_path / "orders.sql"
    dump.write_text(DUMPS[any_server.family])
    target = new_database(any_server, "by hand", create=False)
    request = RestoreRequest(dump, instance_for(any_server), target=target)
    report = restore(request, lambda _: True, Silence(), now)
    assert (report.equal, report.facts.rows) == (True, 2)


def test_a_time_that_the_server_does_not_have_is_found_while_it_is_loaded_and_the_target_stays(
    mysql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    dump = tmp_path / "orders.sql"
    dump.write_text(LATE)
    target = new_database(mysql_server, "late")
    databases.execute(mysql_server, target, "CREATE TABLE own (n INT)", "INSERT INTO own VALUES (42)")
    request = RestoreRequest(
        dump, instance_for(mysql_server), target=target, force=True, safety=Safety(tmp_path / "safety")
    )
    assert plan(request, Silence(), now).verdict != Verdict.BLOCKED
    if mysql_server.dbms == "mariadb" and mysql_server.major >= (11, 5):
        report = restore(request, lambda _: False, Silence(), now)
        databases.drop(mysql_server, report.before or "")
        assert report.equal
        assert databases.rows(mysql_server, target, "SELECT YEAR(due) FROM orders") == [(2037,), (2100,)]
        return
    with pytest.raises(StatementFailed, match=r"line 5: INSERT INTO `orders` VALUES: .*due\W at row 2"):
        restore(request, lambda _: False, Silence(), now)
    assert databases.rows(mysql_server, target, "SELECT n FROM own") == [(42,)]
    assert [name for name in databases.names(mysql_server) if name.startswith(target)] == [target]
