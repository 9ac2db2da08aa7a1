"""Versions and dialects: what one server or tool knows and another does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, ToolMissing
from python_backup.instance import Dbms, Limits, Tools
from support import databases
from support.jobs import backed_up, copied, facts, restored
from support.servers import RunningServer, instance_for

Name = Callable[..., str]


def test_the_tool_is_given_only_options_that_its_family_has(
    mysql_server: RunningServer, new_database: Name
) -> None:
    name = new_database(mysql_server)
    with closing(ENGINES[Dbms(mysql_server.dbms)].connect(instance_for(mysql_server))) as server:
        plan = server.plan_dump(name, Limits(timeout=None))
    assert plan.client == {"mysql": "mysqldump", "mariadb": "mariadb-dump"}[mysql_server.dbms]
    assert ("--set-gtid-purged=OFF" in plan.command) == (mysql_server.dbms == "mysql")
    assert [option for option in plan.command if "column-statistics" in option] == []
    assert "--default-character-set=utf8mb4" in plan.command


OF_MYSQL_9 = """\
-- MySQL dump 10.13  Distrib 9.7.0, for Linux (x86_64)
--
-- Host: 127.0.0.1    Database: shop
-- ------------------------------------------------------
-- Server version	9.7.0

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;
USE `shop`;
CREATE TABLE `t` (
  `id` int NOT NULL,
  `v` varchar(50) COLLATE utf8mb4_0900_as_cs DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
INSERT INTO `t` VALUES (1,'utf8mb4_0900_ai_ci'),(2,'SET @@GLOBAL.GTID_PURGED=1;');
SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;
-- Dump completed on 2026-01-13 15:54:40
"""

OF_MARIADB_11 = """\
/*M!999999\\- enable the sandbox mode */
-- MariaDB dump 10.19-11.8.6-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: 127.0.0.1    Database: shop
-- ------------------------------------------------------
-- Server version	11.8.6-MariaDB

/*!40101 SET NAMES utf8mb4 */;
/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci */;
USE `shop`;
CREATE TABLE `t` (
  `id` int(11) NOT NULL,
  `v` varchar(50) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci;
INSERT INTO `t` VALUES
(1,'utf8mb4_0900_ai_ci'),
(2,'SET @@GLOBAL.GTID_PURGED=1;');
/*M!100616 SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY */;
-- Dump completed on 2026-01-13 15:54:40
"""


@pytest.mark.parametrize("dump", [OF_MYSQL_9, OF_MARIADB_11], ids=["mysql", "mariadb"])
def test_each_server_takes_the_newest_dumps_of_both_families(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, dump: str
) -> None:
    target = new_database(mysql_server, create=False)
    file = tmp_path / "foreign.sql"
    file.write_text(dump)
    report = restored(instance_for(mysql_server), file, target)
    found = databases.rows(mysql_server, target, "SELECT v FROM t ORDER BY id")
    assert found == [("utf8mb4_0900_ai_ci",), ("SET @@GLOBAL.GTID_PURGED=1;",)]
    left_out = "server setting left out" if dump == OF_MYSQL_9 else "sandbox line left out"
    assert report.changes.counts[left_out] == (4 if dump == OF_MYSQL_9 else 1)


OF_POSTGRESQL_18 = """\
--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped from database version 18.1
-- Dumped by pg_dump version 18.1

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

DROP DATABASE IF EXISTS shop;
CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';

\\unrestrict abc
\\connect shop
\\restrict abc

SET transaction_timeout = 0;
SET default_table_access_method = heap;

CREATE TABLE public.t (
    id integer NOT NULL,
    v text
);

COPY public.t (id, v) FROM stdin;
1\tSET transaction_timeout = 0;
2\tLOCALE_PROVIDER = libc
\\.

--
-- PostgreSQL database dump complete
--

\\unrestrict abc

"""


def test_each_server_takes_the_newest_dump_of_postgresql(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    target = new_database(postgresql_server, create=False)
    file = tmp_path / "foreign.sql"
    file.write_text(OF_POSTGRESQL_18)
    report = restored(instance_for(postgresql_server), file, target)
    found = databases.rows(postgresql_server, target, "SELECT v FROM t ORDER BY id")
    assert found == [("SET transaction_timeout = 0;",), ("LOCALE_PROVIDER = libc",)]
    unknown = 0 if postgresql_server.major >= (17,) else 2
    assert report.changes.counts.get("unknown setting left out", 0) == unknown
    encoding = (
        "SELECT pg_encoding_to_char(encoding), datctype FROM pg_database WHERE datname = current_database()"
    )
    assert databases.rows(postgresql_server, target, encoding) == [("UTF8", "C.UTF-8")]


def test_a_tool_older_than_the_server_is_not_used(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(any_server)
    client, said = {
        "postgresql": ("pg_dump", "pg_dump (PostgreSQL) 9.6.24"),
        "mysql": ("mysqldump", "mysqldump  Ver 10.13 Distrib 5.6.51, for Linux (x86_64)"),
        "mariadb": ("mariadb-dump", "mariadb-dump  Ver 10.19 Distrib 10.3.39-MariaDB, for Linux (x86_64)"),
    }[any_server.dbms]
    program = tmp_path / client
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    result = backed_up(
        replace(instance_for(any_server), tools=Tools(command=("env", f"PATH={tmp_path}:/usr/bin:/bin"))),
        name,
        tmp_path / "b",
    )
    assert type(result.error) is ToolMissing, result
    assert (
        said.split()[-1 if client == "pg_dump" else 4].rstrip(",").removesuffix("-MariaDB")
        in result.error.message
    )


@contextmanager
def _user(server: RunningServer) -> Iterator[str]:
    name = f"gone_{uuid4().hex[:8]}"
    databases.execute(server, None, f"CREATE USER {name}@localhost")
    try:
        yield name
    finally:
        databases.execute(server, None, f"DROP USER IF EXISTS {name}@localhost")


def test_a_definer_who_is_gone_is_replaced_so_that_what_was_restored_can_be_used(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(mysql_server), new_database(mysql_server, create=False)
    with _user(mysql_server) as gone:
        databases.execute(
            mysql_server, source, "CREATE TABLE t (id INT)", "CREATE TABLE log (id INT)", "INSERT INTO t VALUES (1)",
            f"CREATE DEFINER = {gone}@localhost VIEW v AS SELECT id FROM t",
            f"CREATE DEFINER = {gone}@localhost TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)",
            f"CREATE DEFINER = {gone}@localhost FUNCTION f() RETURNS INT DETERMINISTIC RETURN 7",
        )  # fmt: skip
        result = backed_up(instance_for(mysql_server), source, tmp_path)
        facts(result)
    report = restored(instance_for(mysql_server), result.path, target)
    databases.execute(mysql_server, target, "INSERT INTO t VALUES (2)")
    assert databases.rows(mysql_server, target, "SELECT COUNT(*), f(), (SELECT MAX(id) FROM log) FROM v") == [
        (2, 7, 2)
    ]
    assert report.changes.counts["definer replaced"] == 3
    assert len([warning for warning in report.warnings if gone in warning]) == 1


def test_a_blob_of_30_mb_comes_back(any_server: RunningServer, new_database: Name, tmp_path: Path) -> None:
    source, target = new_database(any_server), new_database(any_server, create=False)
    large = {"postgresql": "bytea", "mysql": "LONGBLOB"}[any_server.family]
    filled = {
        "postgresql": "decode(repeat('00275c', 10485760), 'hex')",
        "mysql": "REPEAT('x''\\n', 10485760)",
    }
    databases.execute(
        any_server, source, f"CREATE TABLE t (id INT PRIMARY KEY, v {large})",
        f"INSERT INTO t VALUES (1, {filled[any_server.family]})",
    )  # fmt: skip
    copied(instance_for(any_server), source, target, tmp_path)
    digest = {"postgresql": "sha256(v)", "mysql": "SHA2(v, 256)"}[
        any_server.family
    ]  # 9.7 has no MD5 any more
    question = f"SELECT length(v), {digest} FROM t"
    assert databases.rows(any_server, target, question) == databases.rows(any_server, source, question)


def test_a_restored_subscription_does_not_connect_and_a_database_with_one_is_not_dropped(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(postgresql_server), new_database(postgresql_server, create=False)
    subscription = f"s_{uuid4().hex[:8]}"
    databases.execute(
        postgresql_server, source, "CREATE TABLE t (id int)",
        f"CREATE SUBSCRIPTION {subscription} CONNECTION 'host=192.0.2.1' PUBLICATION p WITH (connect = false)",
    )  # fmt: skip
    try:
        result = backed_up(instance_for(postgresql_server), source, tmp_path)
        restored(instance_for(postgresql_server), result.path, target)
        enabled = f"SELECT subenabled FROM pg_subscription WHERE subname = '{subscription}'"
        assert set(databases.rows(postgresql_server, target, enabled)) == {(False,)}
        before = restored(instance_for(postgresql_server), result.path, target, force=True).before
        assert before is not None
        assert set(databases.rows(postgresql_server, before, enabled)) == {(False,)}
        with (
            closing(ENGINES[Dbms.POSTGRESQL].connect(instance_for(postgresql_server))) as server,
            pytest.raises(BackupError, match="cannot be dropped") as caught,
        ):
            server.drop(before)
        assert "subscriptions" in (caught.value.hint or "")
    finally:
        kept = [name for name in databases.names(postgresql_server) if name.startswith(f"{target}__before")]
        for name in (source, target, *kept):
            _unsubscribe(postgresql_server, name, subscription)


def _unsubscribe(server: RunningServer, database: str, subscription: str) -> None:
    if databases.rows(server, None, f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
        databases.execute(
            server, database,
            f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)", f"DROP SUBSCRIPTION {subscription}",
        )  # fmt: skip
