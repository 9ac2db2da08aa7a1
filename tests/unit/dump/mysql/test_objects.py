"""What a dump creates, under the labels that the server's own lists give."""

from __future__ import annotations

from python_backup.dump.facts import FactsCounter
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.objects import MysqlObjects
from python_backup.model import Facts


def facts(dump: bytes) -> Facts:
    lexer, counter = MysqlLexer(), FactsCounter(MysqlObjects())
    for piece in [*lexer.feed(dump), *lexer.finish()]:
        counter.take(piece)
    return counter.result()


TABLES = b"""CREATE TABLE `a` (
  `id` int NOT NULL AUTO_INCREMENT COMMENT 'PRIMARY KEY (x)',
  `key` varchar(50) NOT NULL,
  `body` text,
  `doc` json DEFAULT NULL CHECK (json_valid(`doc`)),
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`key`(10)),
  KEY `k k` (`key`,`id`) USING BTREE,
  KEY `low` ((lower(`key`))),
  FULLTEXT KEY `ft` (`body`) /*!50100 WITH PARSER `ngram` */ ,
  CONSTRAINT `pos` CHECK ((`id` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
/*!50100 PARTITION BY HASH (`id`) PARTITIONS 4 */;
CREATE TABLE `b` (
  `a_id` int DEFAULT NULL,
  KEY `fk_a` (`a_id`),
  CONSTRAINT `fk_a` FOREIGN KEY (`a_id`) REFERENCES `a` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB;
"""


def test_tables_with_their_indexes_and_constraints():
    assert facts(TABLES).objects == {
        "tables": ("a", "b"),
        "indexes": ('a."k k"', "a.PRIMARY", "a.ft", "a.low", "a.u", "b.fk_a"),
        "constraints": ("a.pos", "b.fk_a"),
    }


def test_a_views_stand_in_is_no_table_and_its_final_form_is_one_view():
    dump = b"""DROP TABLE IF EXISTS `v`;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE VIEW `v` AS SELECT
 1 AS `id`*/;
/*!50001 CREATE TABLE `w` (
  `id` tinyint NOT NULL
) ENGINE=MyISAM */;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select 1 AS `id` */;
"""
    assert facts(dump).objects == {"views": ("v",)}


def test_phpmyadmins_stand_in_is_dropped_for_the_view():
    dump = b"CREATE TABLE `v` (\n`id` int, PRIMARY KEY (id)\n);\nDROP TABLE IF EXISTS `v`;\nCREATE VIEW `v` AS SELECT 1;\n"
    assert facts(dump).objects == {"views": ("v",)}


def test_programs_events_and_packages():
    dump = b"""DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `b` FOR EACH ROW begin end */;;
/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO create table x (y int) */ ;;
/*!50003 DROP FUNCTION IF EXISTS `f` */;;
CREATE DEFINER=`root`@`localhost` FUNCTION `f`(x int) RETURNS int return x ;;
CREATE DEFINER=CURRENT_USER() PROCEDURE `f`() create view nope as select 1 ;;
CREATE DEFINER="root"@"localhost" PACKAGE "pk" as function ff return int; end ;;
/*!50003 DROP PACKAGE BODY IF EXISTS `pk` */;;
CREATE DEFINER="root"@"localhost" PACKAGE BODY "pk" as function ff return int as begin return 1; end; end ;;
"""
    dump = dump.replace(b'CREATE DEFINER="', b"SET sql_mode='ANSI_QUOTES';;\nCREATE DEFINER=\"")
    assert facts(dump).objects == {"triggers": ("t",), "events": ("e",), "routines": ("f", "f", "pk", "pk")}


def test_a_sequence_and_its_value_as_either_version_writes_it():
    dump = b"CREATE SEQUENCE `s 1` start with 10 minvalue -9;\nDO SETVAL(`s 1`, 5010, 0);\nSELECT SETVAL(`t`, -3, 0);\n"
    found = facts(dump)
    assert found.objects == {"sequences": ('"s 1"',)}
    assert found.sequences == {'"s 1"': 5010, "t": -3}


def test_keys_that_other_statements_add():
    dump = b"""CREATE TABLE p (id int PRIMARY KEY, u int UNIQUE, v int, UNIQUE (v), INDEX (v), w int KEY_BLOCK_SIZE);
ALTER TABLE p ADD COLUMN x int, ADD KEY `k` (`x`), ADD CONSTRAINT `c` FOREIGN KEY (`v`) REFERENCES q (id);
CREATE UNIQUE INDEX `i` ON p (w);
ALTER TABLE p DROP INDEX `k`;
DROP INDEX u ON p;
"""
    assert facts(dump).objects == {
        "tables": ("p",),
        "indexes": ("p.PRIMARY", "p.i", "p.v", "p.v_2"),
        "constraints": ("p.c",),
    }


def test_the_index_that_a_foreign_key_implies_gives_way_to_one_that_serves_it():
    dump = b"""CREATE TABLE c (a int, b int);
ALTER TABLE c ADD CONSTRAINT `fk` FOREIGN KEY (`a`) REFERENCES p (id);
ALTER TABLE c ADD FOREIGN KEY (`b`) REFERENCES p (id);
CREATE INDEX `own` ON c (a, b);
"""
    assert facts(dump).objects == {
        "tables": ("c",),
        "indexes": ("c.b", "c.own"),
        "constraints": ("c.c_ibfk_1", "c.fk"),
    }


def test_temporary_tables_and_statements_in_strings_make_nothing():
    dump = (
        b"CREATE TEMPORARY TABLE t (a int);\nSELECT 'CREATE TABLE x (a int)';\n-- CREATE TABLE y (a int);\n"
    )
    assert facts(dump).objects == {}


def test_a_routine_that_is_written_twice_is_one():
    once = b"DROP FUNCTION IF EXISTS `told`;\nCREATE FUNCTION `told`() RETURNS int RETURN 1;\n"
    procedure = b"DROP PROCEDURE IF EXISTS `told`;\nCREATE PROCEDURE `told`() SELECT 1;\n"
    assert facts(once + once).objects == {"routines": ("told",)}
    assert facts(once + procedure + once).objects == {"routines": ("told", "told")}
