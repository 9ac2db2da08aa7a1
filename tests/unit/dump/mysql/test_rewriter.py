"""What a restore changes in a dump, by token, and what it must not touch."""

from __future__ import annotations

import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.mysql.rewriter import MysqlRewriter, Target
from unit.dump.mysql.rewriting import MARIADB, MYSQL, OLD_MARIADB, pieces, rewritten, target, unbridgeable

NEWLINE = b"\n"


def test_the_databases_own_statements_go():
    dump = b"SELECT 1;\n/*!40000 DROP DATABASE IF EXISTS `old`*/;\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `old` /*!40100 DEFAULT CHARACTER SET latin1 */;\nUSE `old`;\n"
    text, changes = rewritten(dump)
    assert text == b"SELECT 1;\n"
    assert changes.counts == {"DROP DATABASE left out": 1, "CREATE DATABASE left out": 1, "USE left out": 1}


def test_replication_settings_and_the_sandbox_line_go():
    dump = (
        b"/*M!999999\\- enable the sandbox mode */ \nSET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\n"
        b"SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '5b2b40d0-e53f-11f1-b729-02fc00000001:1-26,\n6b2b40d0-e53f-11f1-b729-02fc00000001:1';\nSELECT 1;\n"
    )
    text, changes = rewritten(dump)
    assert text == b"SELECT 1;\n"
    assert changes.counts == {"sandbox line left out": 1, "server setting left out": 3}


def test_data_that_looks_like_statements_is_untouched():
    dump = b"-- USE `old`;\nINSERT INTO `t` VALUES ('DROP DATABASE old;\\n','old.t'),('\nUSE `old`;\n','utf8mb4_uca1400_ai_ci');\n"
    text, changes = rewritten(dump)
    assert (text, changes.counts) == (dump, {})


def test_with_nothing_to_change_the_pieces_are_the_same():
    found = pieces(b"CREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES (1);\nSET sql_mode='ANSI_QUOTES';\n")
    assert all(
        a is b for a, b in zip(found, MysqlRewriter("old", target(), Changes()).rewrite(found), strict=True)
    )


def test_an_unknown_definer_becomes_the_restoring_account_and_is_said_once():
    dump = b"CREATE DEFINER=`gone`@`%` PROCEDURE `p`() SELECT 1;\n/*!50003 CREATE*/ /*!50017 DEFINER='gone'@'%' */ /*!50003 TRIGGER `g` BEFORE INSERT ON t FOR EACH ROW SET @a=1 */;\n"
    text, changes = rewritten(
        dump + b"CREATE DEFINER=`root`@`LOCALHOST` FUNCTION `f`() RETURNS int RETURN 1;\n"
    )
    assert text.count(b"DEFINER=CURRENT_USER ") == 2
    assert b"DEFINER=`root`@`LOCALHOST` FUNCTION" in text
    assert changes.counts == {"definer replaced": 2}


@pytest.mark.parametrize(
    "to",
    [
        Target("new", "9.7.4", MYSQL, None, ("me", "%")),
        Target(
            "new", "9.7.4", MYSQL, frozenset((("root", "localhost"),)), ("me", "%"), may_set_definer=False
        ),
    ],
)
def test_a_definer_is_replaced_where_it_cannot_be_known_or_set(to):
    dump = b"CREATE DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `v` AS SELECT 1;\nCREATE DEFINER=`me`@`%` VIEW `w` AS SELECT 1;\n"
    assert rewritten(dump, to=to)[0] == dump.replace(b"`root`@`localhost`", b"CURRENT_USER")


@pytest.mark.parametrize(
    ("known", "before", "after"),
    [
        (MARIADB, b"utf8mb4_0900_ai_ci", b"utf8mb4_uca1400_nopad_ai_ci"),
        (OLD_MARIADB, b"utf8mb4_0900_ai_ci", b"utf8mb4_unicode_520_ci"),
        (OLD_MARIADB, b"utf8mb4_0900_bin", b"utf8mb4_bin"),
        (OLD_MARIADB, b"utf8mb4_de_pb_0900_as_cs", b"utf8mb4_bin"),
        (MYSQL, b"utf8mb4_uca1400_ai_ci", b"utf8mb4_unicode_520_ci"),
        (MYSQL, b"utf8mb4_uca1400_nopad_ai_ci", b"utf8mb4_0900_ai_ci"),
        (MYSQL, b"utf8mb4_uca1400_swedish_as_cs", b"utf8mb4_0900_as_cs"),
        (MYSQL, b"utf8mb4_0900_ai_ci", b"utf8mb4_0900_ai_ci"),
        (MYSQL, b"latin1_swedish_nopad_ci", b"latin1_swedish_ci"),
    ],
)
def test_a_collation_that_the_target_lacks_is_mapped(known, before, after):
    dump = b"CREATE TABLE `t` (`utf8mb4_0900_ai_ci` text COLLATE '%s' COMMENT '%s') DEFAULT CHARSET=utf8mb4 COLLATE=%s;\n/*!50003 SET collation_connection  = %s */ ;\n"
    assert rewritten(dump % (before, before, before, before), to=target(known=known))[0] == dump % (
        after,
        before,
        after,
        after,
    )


def test_a_collation_that_nothing_comes_near_is_a_warning():
    text, changes = rewritten(b"SELECT 'a' COLLATE klingon_ci;", to=target())
    assert text == b"SELECT 'a' COLLATE klingon_ci;"
    assert changes.warnings == ["the server has no collation klingon_ci and none that comes near"]


def test_modes_that_the_target_does_not_know_are_left_out():
    dump = (
        b"/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,ANSI_QUOTES' */ ;\n"
    )
    assert rewritten(dump, to=target(version="9.7.4"))[0] == dump.replace(b"NO_AUTO_CREATE_USER,", b"")
    assert rewritten(dump, to=target(version="5.7.44"))[0] == dump
    assert rewritten(dump, to=target(version="11.8.6-MariaDB", known=MARIADB))[0] == dump


EVENT = b"CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' ON COMPLETION NOT PRESERVE %sCOMMENT 'ENABLE' DO SELECT 1;"


@pytest.mark.parametrize(
    ("state", "after"),
    [(b"ENABLE ", b"DISABLE "), (b"", b"DISABLE "), (b"DISABLE ON SLAVE ", b"DISABLE ON SLAVE ")],
)
def test_an_event_is_disabled_in_a_database_of_another_name(state, after):
    assert rewritten(EVENT % state)[0] == EVENT % after
    assert rewritten(EVENT % state, choices=Choices(events="keep"))[0] == EVENT % state
    assert rewritten(EVENT % state, choices=Choices(final_name="old"))[0] == EVENT % state
    assert rewritten(EVENT % state, to=target("old"), choices=Choices(events="disable"))[0] == EVENT % after


@pytest.mark.parametrize(
    ("choices", "after"),
    [
        (Choices(definer="keep"), b"DEFINER=`gone`@`%` "),
        (Choices(definer="strip"), b" "),
        (Choices(definer="current"), b"DEFINER=CURRENT_USER "),
        (Choices(definers={"gone@%": "x`y@a.b"}), b"DEFINER=`x``y`@`a.b` "),
        (Choices(definers={"gone@%": "role@"}), b"DEFINER=`role` "),
        (Choices(definers={"gone": "x"}), b"DEFINER=`x`@`%` "),
        (Choices(definers={"gone@localhost": "x"}), b"DEFINER=CURRENT_USER "),
        (Choices(definers={"gone@%": "x"}, definer="strip"), b"DEFINER=`x`@`%` "),
    ],
)
def test_definers_become_what_was_chosen(choices, after):
    dump = b"CREATE %sPROCEDURE `p`() SELECT 'DEFINER=`gone`@`%%`';"
    assert rewritten(dump % b"DEFINER=`gone`@`%` ", choices=choices)[0] == dump % after


BRIDGED = [
    ("11.8.6-MariaDB", b"`c` int /*!80023 INVISIBLE */", b"`c` int INVISIBLE"),
    ("11.8.6-MariaDB", b"`c` int, KEY `k` (`c`) /*!80000 INVISIBLE */", b"`c` int, KEY `k` (`c`) IGNORED"),
    ("11.8.6-MariaDB", b"`c` char(36) DEFAULT (uuid())", b"`c` char(36) DEFAULT (uuid())"),
    ("9.7.4", b"`c` char(36) DEFAULT uuid()", b"`c` char(36) DEFAULT (uuid())"),
    ("9.7.4", b"`c` date DEFAULT cast(now() as date), `d` int", b"`c` date DEFAULT (cast(now() as date)), `d` int"),
    ("9.7.4", b"`c` timestamp DEFAULT current_timestamp() ON UPDATE current_timestamp()", b"`c` timestamp DEFAULT current_timestamp() ON UPDATE current_timestamp()"),
    ("9.7.4", b"`b` int, `c` text NOT NULL DEFAULT 'a', `d` varchar(9) DEFAULT 'b'", b"`b` int, `c` text NOT NULL DEFAULT ('a'), `d` varchar(9) DEFAULT 'b'"),
    ("9.7.4", b"`c` longtext CHARACTER SET utf8mb4 DEFAULT 'x'", b"`c` longtext CHARACTER SET utf8mb4 DEFAULT ('x')"),
    ("9.7.4", b"`c` int INVISIBLE DEFAULT 5, KEY `k` (`c`) IGNORED", b"`c` int INVISIBLE DEFAULT 5, KEY `k` (`c`) INVISIBLE"),
    ("5.7.44", b"`c` text DEFAULT 'a'", b"`c` text DEFAULT 'a'"),
    ("10.5.29-MariaDB", b"`geomcollection` geomcollection DEFAULT NULL", b"`geomcollection` geometrycollection DEFAULT NULL"),
    ("10.5.29-MariaDB", rb"`c` int, CHECK ((`c` <> _utf8mb4'h:\\'))", rb"`c` int, CHECK ((`c` <> 'h:\\'))"),
    ("11.8.6-MariaDB", rb"`c` int GENERATED ALWAYS AS (concat(`a`,_latin1'it\'s')) STORED", rb"`c` int GENERATED ALWAYS AS (concat(`a`,'it\'s')) STORED"),
    ("11.8.6-MariaDB", "`c` int CHECK (c <> _utf8mb4'ü')".encode(), "`c` int CHECK (c <> 'ü')".encode()),
    ("11.8.6-MariaDB", b"`c` int CHECK (c <> _utf8mb4'plain; text_1')", b"`c` int CHECK (c <> _utf8mb4'plain; text_1')"),
    ("9.7.4", rb"`c` int CHECK (c <> _utf8mb4'h:\\')", rb"`c` int CHECK (c <> _utf8mb4'h:\\')"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "before", "after"), BRIDGED)
def test_a_table_is_told_in_the_targets_words(version, before, after):
    text, changes = rewritten(b"CREATE TABLE `t` (\n  %s\n);" % before, to=target(version=version))
    assert text == b"CREATE TABLE `t` (\n  %s\n);" % after
    assert bool(changes.counts) == (before != after)


def test_a_part_that_the_target_does_not_read_is_said():
    dump = b"CREATE TABLE `t` (`a` point /*!80003 SRID 4326 */, `b` text /*M!100301 COMPRESSED*/);"
    _, from_mysql = rewritten(dump, to=target(version="11.8.6-MariaDB"))
    _, from_mariadb = rewritten(dump)
    shown = [c.places["part that the server does not read"][0].before for c in (from_mysql, from_mariadb)]
    assert shown == ["/*!80003 SRID 4326 */", "/*M!100301 COMPRESSED*/"]


MYSQL_LACKS = [
    (b"CREATE SEQUENCE `s` START WITH 1;", "the sequence s"),
    (b"CREATE OR REPLACE PACKAGE BODY p AS END;", "the package p"),
    (b"CREATE TABLE `t` (`a` int) WITH SYSTEM VERSIONING;", "system versioning in table t"),
    (b"CREATE TABLE `t` (`a` int, PERIOD FOR p (b, c));", "a period in table t"),
    (b"CREATE TABLE `t` (`a` uuid NOT NULL);", "the type UUID in table t"),
    (b"CREATE TABLE `t` (`a` inet6);", "the type INET6 in table t"),
    (b"CREATE TABLE `t` (`a` int) ENGINE=Aria;", "the engine ARIA in table t"),
    (b"SET sql_mode='ORACLE';\nCREATE PROCEDURE p AS BEGIN END;", "a program in Oracle's language"),
]
MARIADB_LACKS = [
    (b"CREATE TABLE `t` (`a` int, KEY `k` ((lower(`a`))));", "an index of an expression in table t"),
    (b"CREATE INDEX i ON t ((a + 1));", "the index of an expression i"),
    (b"CREATE TABLE `t` (`a` int, CONSTRAINT c CHECK ((a > 1)) /*!80016 NOT ENFORCED */);", "a CHECK that is not enforced in table t"),
    (b"CREATE FUNCTION f() RETURNS int LANGUAGE JAVASCRIPT AS $$ return 1 $$;", "the JavaScript routine f"),
    (rb"CREATE TABLE `t` (`a` int CHECK (a <> _binary'\0'));", "a literal _binary'…' that MariaDB keeps as another in table t"),
    (b"CREATE TABLE `t` (`a` int CHECK (a <> _latin1'\xfc'));", "a literal _latin1'…' that MariaDB keeps as another in table t"),
    (b"CREATE TABLE `t` (`v` vector(3));", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "dump", "why"),
    [("9.7.4", *case) for case in MYSQL_LACKS] + [("11.8.6-MariaDB", *case) for case in MARIADB_LACKS]
    + [("10.11.2-MariaDB", MARIADB_LACKS[-1][0], "the type VECTOR in table t"), ("9.7.4", MARIADB_LACKS[0][0], None),
       ("11.8.6-MariaDB", MYSQL_LACKS[0][0], None), ("10.6.2-MariaDB", MYSQL_LACKS[4][0], "the type UUID in table t")],
)  # fmt: skip
def test_what_the_target_has_nothing_like_is_named(version, dump, why):
    reasons = unbridgeable(dump, version)
    assert len(reasons) == (why is not None)
    assert all(r.startswith(f"line {dump.count(NEWLINE) + 1}: {why}") for r in reasons)


def history(end: bytes) -> bytes:
    return (
        b"/*M!101100 SET @old_system_versioning_insert_history=@@session.system_versioning_insert_history,"
        b" @@session.system_versioning_insert_history=1 */;\n"
        b"INSERT INTO `h` (`id`, row_start, row_end) VALUES (1,'2026-11-21 03:18:39.7',%b);\n"
        b"/*M!101100 SET system_versioning_insert_history=@old_system_versioning_insert_history */;\n"
        b"INSERT INTO `t` VALUES (%b);\n" % (end, end)
    )


BEFORE_11_5, SINCE_11_5 = b"'2038-01-19 03:14:07.999999'", b"'2106-02-07 06:28:15.999999'"


@pytest.mark.parametrize(
    ("version", "dump", "why"),
    [
        ("10.5.29-MariaDB", history(b"NULL"), "the history of table h"),
        ("10.11.19-MariaDB", history(BEFORE_11_5), None),
        (
            "10.11.19-MariaDB",
            history(SINCE_11_5),
            "current rows of table h that end in 2106, as since MariaDB 11.5",
        ),
        (
            "11.8.6-MariaDB",
            history(BEFORE_11_5),
            "current rows of table h that end in 2038, as before MariaDB 11.5",
        ),
        ("11.8.6-MariaDB", history(SINCE_11_5), None),
        ("10.5.29-MariaDB", history(BEFORE_11_5).partition(b"\n")[2], None),
    ],
)
def test_history_is_told_of_where_the_target_does_not_take_it(version, dump, why):
    reasons = unbridgeable(dump, version)
    assert len(reasons) == (why is not None)
    assert all(r.startswith(f"line 2: {why}: MariaDB ") for r in reasons)


COMPUTED = b"CREATE TABLE `c` (`a` int DEFAULT (1), `g` int GENERATED ALWAYS AS (`a` * 2) VIRTUAL);\n"
MARIADB_WROTE = b"-- MariaDB dump 10.19  Distrib 10.11.2-MariaDB, for x\n--\n"


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        (MARIADB_WROTE + COMPUTED + b"INSERT INTO `c` VALUES (1,2);\nINSERT INTO `c` VALUES (2,4);\n", True),
        (MARIADB_WROTE + COMPUTED + b"INSERT INTO `c` (`g`, `a`) VALUES (2,1);\n", True),
        (MARIADB_WROTE + COMPUTED + b"INSERT INTO `c` (`a`) VALUES (1);\n", False),
        (MARIADB_WROTE + b"CREATE TABLE `c` (`a` int);\nINSERT INTO `c` VALUES (1);\n", False),
        (COMPUTED + b"INSERT INTO `c` VALUES (1,DEFAULT);", False),
    ],
)
def test_values_of_generated_columns_are_told_of_where_the_target_does_not_take_them(dump, told):
    (*reasons,) = unbridgeable(dump, "9.7.4")
    assert len(reasons) == told
    assert all("values of generated columns of table c: MySQL 9.7.4 has" in reason for reason in reasons)
    assert unbridgeable(dump, "10.5.29-MariaDB") == ()


def test_changes_tell_the_line():
    _, changes = rewritten(b"SELECT 1;\n\n-- a\nSELECT * FROM old.t;\n")
    assert [(kind, places[0].line) for kind, _, places in changes] == [("database renamed", 4)]
