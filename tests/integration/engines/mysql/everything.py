"""A database that holds every type and object kind that MySQL or MariaDB has, with hostile names and rows.

`build` makes it through the driver, so that no client's own commands are needed; what only one
flavour or version knows stands in tables of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing

from support import databases
from support.servers import RunningServer

ALL_BYTES = bytes(range(256))
NAMES = ("a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", "a;touch p", "$(touch p)", "a%b", "a\nb",
         "ünï日本", "NULL", "select", "a_b")  # fmt: skip

TYPES = """
CREATE TABLE numbers (
  ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, mi MEDIUMINT, i INT, bi BIGINT, bu BIGINT UNSIGNED,
  d DECIMAL(65, 30), n NUMERIC(10, 2) UNSIGNED, f DOUBLE, r DOUBLE, bo BOOL, b1 BIT, b64 BIT(64), z INT ZEROFILL,
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 1000
---
INSERT INTO numbers VALUES
  (-128, 255, -32768, -8388608, -2147483648, -9223372036854775808, 18446744073709551615,
   -12345678901234567890123456789012345.123456789012345678901234567890, 1.05, 1.7976931348623157e308, 0.1, TRUE,
   b'1', b'1111000000000000000000000000000000000000000000000000000000001010', 7, DEFAULT),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2.2250738585072014e-308, -0.0, FALSE, b'0', 0, NULL, DEFAULT)
---
CREATE TABLE times (
  id INT PRIMARY KEY, d DATE, t TIME, t6 TIME(6), dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR,
  up TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))
---
SET SESSION sql_mode = ''
---
INSERT INTO times VALUES
  (1, '0000-00-00', '-838:59:59', '12:34:56.123456', '0000-00-00 00:00:00', '9999-12-31 23:59:59.999999', NULL, 1901,
   '2001-02-03 04:05:06.123456'),
  (2, '2024-00-00', '838:59:59', '-00:00:00.000001', '1000-01-01 00:00:00', NULL, '2038-01-19 03:14:07.999', 0,
   '2001-02-03 04:05:06')
---
SET SESSION sql_mode = DEFAULT
---
CREATE TABLE words (
  id INT PRIMARY KEY, c CHAR(5), v VARCHAR(200), tt TINYTEXT, t TEXT, mt MEDIUMTEXT, lt LONGTEXT,
  e ENUM('a', 'it''s', 'ü', ',;'), s SET('x', 'y', 'z w'), j JSON,
  l1 VARCHAR(200) CHARACTER SET latin1, u2 VARCHAR(20) CHARACTER SET ucs2, sj VARCHAR(20) CHARACTER SET sjis,
  FULLTEXT KEY words_text (v, t))
---
INSERT INTO words VALUES
  (1, 'ab', '😀 emoji', 'tt', 'line\\nnext\\r\\n\\ttab \\\\ ''quote'' "double" \\0 \\Z', 'mt', 'lt', 'it''s', 'x,z w',
   '{"k": ["ü", "\\\\"", null, 1.5]}', 'café ÿ', 'ж', '日本'),
  (2, NULL, '); DROP DATABASE x; -- ', '', 'INSERT INTO `t` VALUES (1),(2);\\n/*!40000 SELECT 1 */;', '\\\\', '\\\\''),(',
   'ü', '', 'null', '', NULL, NULL),
  (3, '', 'CREATE TABLE `words`;\\nUSE mysql;\\nDELIMITER ;;\\n\\\\! rm', NULL, '-- Dump completed', NULL, NULL,
   ',;', 'y', '[]', '€', '', '')
---
CREATE TABLE binaries (
  id INT PRIMARY KEY, b BINARY(8), vb VARBINARY(600), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
  tbin TEXT CHARACTER SET binary, KEY prefix (bl(10)))
---
CREATE TABLE shapes (
  id INT PRIMARY KEY, g GEOMETRY NOT NULL, p POINT, l LINESTRING, po POLYGON, mp MULTIPOINT, gc GEOMETRYCOLLECTION,
  SPATIAL KEY area (g))
---
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POINT(-1.5 3e100)'), ST_GeomFromText('LINESTRING(0 0,1 1)'),
   ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0))'), ST_GeomFromText('MULTIPOINT(0 0,1 1)'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')),
  (2, ST_GeomFromText('POINT(10 34)'), NULL, NULL, NULL, NULL, NULL)
---
CREATE TABLE computed (
  id INT PRIMARY KEY, a INT, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL,
  s VARCHAR(40) GENERATED ALWAYS AS (CONCAT(a, ';-- ')) STORED, h INT INVISIBLE DEFAULT 7,
  dx VARCHAR(40) DEFAULT (CONCAT('x', 1 + 1)), u CHAR(36) DEFAULT (UUID()),
  CONSTRAINT positive CHECK (a > 0), KEY by_v (v))
---
INSERT INTO computed (id, a, u) VALUES (1, 5, 'u'), (2, 6, 'v;')
---
CREATE TABLE parent (id INT NOT NULL, k VARCHAR(20) NOT NULL, PRIMARY KEY (id), UNIQUE KEY pair (id, k))
---
INSERT INTO parent VALUES (1, 'one'), (2, 'two')
---
CREATE TABLE child (
  id INT PRIMARY KEY, parent INT, k VARCHAR(20),
  CONSTRAINT `to parent; ü` FOREIGN KEY (parent, k) REFERENCES parent (id, k) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT own FOREIGN KEY (id) REFERENCES DATABASE.parent (id))
---
INSERT INTO child VALUES (1, 1, 'one'), (2, 2, 'two')
---
CREATE TABLE parts (id INT, y INT, PRIMARY KEY (id, y))
PARTITION BY RANGE (y) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (
  PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN (2020), PARTITION p2 VALUES LESS THAN MAXVALUE)
---
INSERT INTO parts VALUES (1, 1999), (2, 2000), (3, 2030)
---
CREATE TABLE listed (id INT PRIMARY KEY, c INT) PARTITION BY KEY (id) PARTITIONS 3
---
CREATE TABLE nothing (id INT) COMMENT 'holds `DATABASE`.`t`; and ''quotes'''
---
CREATE TABLE older (id INT PRIMARY KEY, v VARCHAR(10)) ENGINE=MyISAM DEFAULT CHARSET=latin1
---
INSERT INTO older VALUES (1, 'é'), (2, '')
---
CREATE TABLE `sünde é` (`spälte ``x` INT PRIMARY KEY, `a.b` VARCHAR(10), `select` INT) DEFAULT CHARSET=latin1
---
INSERT INTO `sünde é` VALUES (1, 'ä', 2)
---
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, at VARCHAR(200))
---
CREATE VIEW plain_view AS SELECT id, v FROM words
---
CREATE VIEW a_view_on_views AS SELECT p.id, w.v FROM parent AS p JOIN plain_view AS w USING (id)
---
CREATE VIEW qualified AS SELECT DATABASE.parent.id FROM DATABASE.parent WHERE k <> 'DATABASE.parent'
---
CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW checked AS SELECT id, k FROM parent WHERE id > 0
WITH CASCADED CHECK OPTION
---
CREATE VIEW `wéird ``view` AS SELECT 1 AS `a ``b`, '/* ; */ -- # $$ //' AS `DELIMITER ;;`
---
CREATE FUNCTION tax(amount DECIMAL(10, 2), note VARCHAR(20) CHARACTER SET latin1) RETURNS DECIMAL(10, 2)
DETERMINISTIC COMMENT 'it''s; a function'
BEGIN
  -- a comment; with a delimiter
  DECLARE rate DECIMAL(4, 2) DEFAULT 0.19; /* another ; */
  IF amount < 0 THEN RETURN NULL; END IF;
  RETURN amount * rate;
END
---
CREATE PROCEDURE tax(IN amount INT, OUT result TEXT) MODIFIES SQL DATA SQL SECURITY INVOKER
BEGIN
  INSERT INTO DATABASE.log (at) VALUES ('in DATABASE.log; $$ // ;; \\\\');
  SELECT GROUP_CONCAT(at SEPARATOR ';') INTO result FROM log;
END
---
SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'
---
CREATE PROCEDURE bare_backslash() BEGIN SELECT '\\', 'it''s \\'; SELECT ';;'; END
---
CREATE TRIGGER bare_backslash BEFORE INSERT ON nothing FOR EACH ROW SET @seen = 'c:\\'
---
CREATE EVENT bare_backslash ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DISABLE DO SELECT 'd:\\'
---
CREATE VIEW bare_backslash_view AS SELECT 'e:\\' AS e
---
CREATE TABLE bare_backslash (id INT PRIMARY KEY, v VARCHAR(20) DEFAULT 'f:\\' COMMENT 'g:\\', CHECK (v <> 'h:\\'))
---
INSERT INTO bare_backslash VALUES (1, 'i:\\')
---
SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'
---
CREATE FUNCTION ansi() RETURNS TEXT DETERMINISTIC RETURN (SELECT "id" || '"' FROM "parent" LIMIT 1)
---
CREATE TRIGGER "ansi ""t" AFTER INSERT ON "parent" FOR EACH ROW INSERT INTO "log" ("at") VALUES ('a' || "new"."id")
---
SET SESSION sql_mode = DEFAULT
---
CREATE TRIGGER first_one BEFORE INSERT ON child FOR EACH ROW
BEGIN
  INSERT INTO `log` (at) VALUES (CONCAT('new; ', NEW.id));
  IF NEW.id > 100 THEN SET NEW.k = 'two'; END IF;
END
---
CREATE TRIGGER second_one BEFORE INSERT ON child FOR EACH ROW FOLLOWS first_one
INSERT INTO DATABASE.log (at) VALUES ('qualified')
---
CREATE TRIGGER `wéird ``trigger` AFTER DELETE ON `sünde é` FOR EACH ROW SET @gone = OLD.`spälte ``x`
---
CREATE EVENT yearly ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE
COMMENT 'it''s; yearly' DO BEGIN INSERT INTO DATABASE.log (at) VALUES ('event'); DELETE FROM log WHERE id < 0; END
---
CREATE EVENT once ON SCHEDULE AT '2037-05-05 05:05:05' DISABLE DO CALL tax(1, @x)
"""

MYSQL = """
CREATE TABLE only_mysql (
  id INT PRIMARY KEY, j JSON, arr JSON, nn POINT SRID 4326 NOT NULL, c VARCHAR(20) COLLATE utf8mb4_0900_as_cs,
  KEY many ((CAST(arr AS UNSIGNED ARRAY))), KEY expr ((CONCAT(c, ';'))), KEY hidden (c) INVISIBLE,
  KEY downward (id DESC), SPATIAL KEY geo (nn), CONSTRAINT off CHECK (id > 0) NOT ENFORCED)
---
INSERT INTO only_mysql VALUES (1, '{"a": 1}', '[1, 2]', ST_GeomFromText('POINT(1 2)', 4326), 'Ä')
"""

MARIADB = """
CREATE SEQUENCE counter START WITH 100 INCREMENT BY 5 CACHE 10
---
DO NEXTVAL(counter)
---
CREATE SEQUENCE `wéird ``sequence` START WITH -5 INCREMENT BY -1 MINVALUE -100 MAXVALUE 10 NOCACHE CYCLE
---
CREATE TABLE only_mariadb (
  id INT PRIMARY KEY DEFAULT (NEXTVAL(counter)), i6 INET6, c TEXT COMPRESSED, v VARCHAR(20) CHECK (v <> ';'),
  KEY ignored (v) IGNORED)
---
INSERT INTO only_mariadb VALUES (1, '::1', 'compressed', 'v')
---
CREATE TABLE history (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING
---
INSERT INTO history VALUES (1, 1), (2, 2)
---
UPDATE history SET v = 3 WHERE id = 1
---
DELETE FROM history WHERE id = 2
---
CREATE TABLE periods (id INT, b DATE, e DATE, PERIOD FOR valid (b, e), UNIQUE (id, valid WITHOUT OVERLAPS))
---
INSERT INTO periods VALUES (1, '2020-01-01', '2021-01-01')
---
CREATE TABLE aria (id INT PRIMARY KEY, v TEXT) ENGINE=Aria
---
INSERT INTO aria VALUES (1, 'x')
---
CREATE AGGREGATE FUNCTION longest(v VARCHAR(20)) RETURNS INT
BEGIN
  DECLARE n INT DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN n;
  LOOP FETCH GROUP NEXT ROW; SET n = GREATEST(n, LENGTH(v)); END LOOP;
END
---
SET SESSION sql_mode = 'ORACLE'
---
CREATE PACKAGE tools AS FUNCTION f RETURN INT; PROCEDURE p(a INT); END
---
CREATE PACKAGE BODY tools AS
  FUNCTION f RETURN INT AS BEGIN RETURN 1; END;
  PROCEDURE p(a INT) AS BEGIN SELECT 'it''s;'; END;
END
---
SET SESSION sql_mode = DEFAULT
---
CREATE TRIGGER on_older AFTER UPDATE ON older FOR EACH ROW SET @x = NEXTVAL(counter)
"""


def build(server: RunningServer, database: str) -> None:
    """Fills an empty database; ``DATABASE`` in the statements is the database's own quoted name."""
    _fill(server, database, (TYPES, *_own(server)))


def build_common(server: RunningServer, database: str) -> None:
    """The same without what only one flavour has."""
    _fill(server, database, (TYPES,))


def _fill(server: RunningServer, database: str, texts: Iterable[str]) -> None:
    own = databases.quoted(server, database)
    with closing(databases.connection(server, database)) as link, link.cursor() as cursor:
        for statement in _statements(server, texts):
            cursor.execute(re.sub(r"\bDATABASE(?=\.)", lambda _: own, statement))
        for number, value in enumerate((b"", ALL_BYTES, ALL_BYTES[::-1], b"\\", b"'", b"\\'),(", b"\x00"), 1):
            cursor.execute(
                "INSERT INTO binaries VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (number, value[:8], value * 2, value[:255], value * 3, value, value * 50, value),
            )
        for name in NAMES:
            hostile = databases.quoted(server, name).replace("%", "%%")
            cursor.execute(
                f"CREATE TABLE {hostile} ({hostile} INT PRIMARY KEY, v VARCHAR(20) COMMENT %s)", (name,)
            )
            cursor.execute(f"INSERT INTO {hostile} VALUES (1, %s)", (name,))


def _own(server: RunningServer) -> Iterator[str]:
    own = MARIADB if server.dbms == "mariadb" else MYSQL
    if server.dbms == "mariadb" and server.major < (10, 6):
        own = own.replace(" IGNORED", "")  # a word of 10.6
    yield own


def _statements(server: RunningServer, texts: Iterable[str]) -> Iterator[str]:
    no_history = server.dbms == "mariadb" and server.major < (10, 11)  # its dumps hold none
    for text in texts:
        for statement in re.split(r"^---$", text, flags=re.MULTILINE):
            if not (no_history and statement.strip().startswith(("UPDATE history", "DELETE FROM history"))):
                yield statement.strip()
