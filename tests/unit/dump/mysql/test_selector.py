"""One database out of a dump of several."""

from __future__ import annotations

import pytest

from python_backup.dump.dialect import SourceDatabase
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.selector import MysqlSelector
from python_backup.dump.piece import DataBegin, Statement

DUMP = b"""-- MySQL dump 10.13  Distrib 9.7.4
/*!40101 SET NAMES utf8mb4 */;
--
-- Current Database: `lie`
--
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `a` /*!40100 DEFAULT CHARACTER SET latin1 */ /*!80016 DEFAULT ENCRYPTION='N' */;
USE `a`;
CREATE TABLE `x` (`i` int);
INSERT INTO `x` VALUES (1);
/*!40000 DROP DATABASE IF EXISTS `b``c`*/;
CREATE DATABASE `b``c` DEFAULT CHARACTER SET = utf8mb4 COLLATE = 'utf8mb4_bin';
USE `b``c`;
INSERT INTO `x` VALUES (2);
SELECT 'USE a;';
USE `a`;
/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50001 VIEW `v` AS select 1 */;
CREATE USER `u`@`localhost`;
GRANT ALL ON *.* TO `u`@`localhost`;
"""


def chosen(source: str | None, dump: bytes = DUMP) -> tuple[list[bytes], MysqlSelector]:
    lexer, selector = MysqlLexer(), MysqlSelector(source)
    pieces = selector.select([*lexer.feed(dump), *lexer.finish()])
    return [p.sql for p in pieces if isinstance(p, Statement | DataBegin)], selector


def test_the_databases_are_those_that_statements_make_or_enter():
    _, selector = chosen(None)
    assert selector.databases == (
        SourceDatabase("a", {"charset": "latin1"}),
        SourceDatabase("b`c", {"charset": "utf8mb4", "collation": "utf8mb4_bin"}),
    )


def test_only_the_wanted_databases_pieces_pass_with_the_settings_before_it():
    assert chosen("b`c")[0] == [
        b"/*!40101 SET NAMES utf8mb4 */",
        b"/*!40000 DROP DATABASE IF EXISTS `b``c`*/",
        b"CREATE DATABASE `b``c` DEFAULT CHARACTER SET = utf8mb4 COLLATE = 'utf8mb4_bin'",
        b"USE `b``c`",
        b"INSERT INTO `x` VALUES",
        b"SELECT 'USE a;'",
    ]


def test_a_database_may_come_again_and_accounts_belong_to_none():
    found, _ = chosen("a")
    assert found[-2:] == [
        b"USE `a`",
        b"/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50001 VIEW `v` AS select 1 */",
    ]


def test_without_a_name_all_pieces_pass_unchanged():
    lexer = MysqlLexer()
    pieces = [*lexer.feed(DUMP), *lexer.finish()]
    assert list(MysqlSelector(None).select(pieces)) == pieces


@pytest.mark.parametrize("source", [None, "x"])
def test_a_dump_that_names_no_database_has_none_and_passes_whole(source):
    dump = b"CREATE TABLE `x` (`i` int);\nINSERT INTO `x` VALUES (1);\n"
    found, selector = chosen(source, dump)
    assert (len(found), selector.databases) == (2, ())
