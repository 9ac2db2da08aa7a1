"""What could run a program or reach outside the target is refused, with its line."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from python_backup.dump.mysql.guard import MysqlGuard
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.errors import UnsafeDump


def check(dump: bytes, source: str | None = "src") -> None:
    lexer, guard = MysqlLexer(), MysqlGuard(source)
    for piece in [*lexer.feed(dump), *lexer.finish()]:
        guard.check(piece)


HOSTILE = [
    # the client's own commands
    b"\\! touch p\n",
    b"system touch p\n",
    b"SELECT 1;\nsource /etc/passwd\n",
    b"\\. /etc/passwd\n",
    b"\\T /tmp/x\n",
    b"tee /tmp/x;\n",
    b"pager cat > /tmp/x\n",
    b"/*!50003 \\! touch p */;\n",
    # files and programs
    b"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t;",
    b"LOAD XML INFILE '/x' INTO TABLE t;",
    b"SELECT 'x' INTO OUTFILE '/tmp/x';",
    b"SELECT 'x' INTO/**/DUMPFILE '/tmp/x';",
    b"SELECT LOAD_FILE('/etc/passwd');",
    b"INSERT INTO t SELECT load_file ('/etc/passwd');",
    b"CREATE FUNCTION f RETURNS STRING SONAME 'x.so';",
    b"CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'x.so';",
    b"INSTALL PLUGIN p SONAME 'x.so';",
    b"INSTALL COMPONENT 'file://x';",
    # the server
    b"SET GLOBAL general_log_file = '/tmp/x';",
    b"SET @a = 1, GLOBAL general_log = 1;",
    b"SET @@GLOBAL.general_log = 1;",
    b"SET @@global.`general_log` = 1;",
    b"SET @@GLOBAL/* a */.general_log = 1;",
    b"SET @@ global . general_log = 1;",
    b"SET /*!50001 GLOBAL */ general_log = 1;",
    b"ALTER INSTANCE ROTATE INNODB MASTER KEY;",
    b"LOCK INSTANCE FOR BACKUP;",
    b"CREATE TABLESPACE x ADD DATAFILE '/x';",
    b"SET PERSIST max_connections = 1;",
    b"SET @@persist_only.max_connections = 1;",
    b"SET PASSWORD = 'x';",
    b"SET ROLE admin;",
    b"SHUTDOWN;",
    b"SET STATEMENT max_statement_time=1 FOR DROP DATABASE other;",
    b"DELIMITER ;;\nBEGIN NOT ATOMIC DROP DATABASE other; END;;",
    b"ANALYZE DELETE FROM t;",
    b"RESTART;",
    b"KILL 1;",
    b"FLUSH TABLES;",
    b"RESET MASTER;",
    b"CHANGE MASTER TO MASTER_HOST='x';",
    b"CHANGE REPLICATION SOURCE TO SOURCE_HOST='x';",
    b"START SLAVE;",
    b"PURGE BINARY LOGS TO 'x';",
    b"BINLOG 'x';",
    # accounts
    b"CREATE USER x;",
    b"DROP USER x;",
    b"ALTER USER root IDENTIFIED BY 'x';",
    b"CREATE ROLE x;",
    b"GRANT ALL ON *.* TO x;",
    b"REVOKE ALL ON *.* FROM x;",
    b"RENAME USER a TO b;",
    b"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x');",
    # other databases
    b"USE other;",
    b"use other\n",
    b"USE `other`;",
    b"CREATE DATABASE other;",
    b"DROP DATABASE IF EXISTS `other`;",
    b"DROP SCHEMA other;",
    b"ALTER DATABASE other CHARACTER SET latin1;",
    b"INSERT INTO other.t VALUES (1);",
    b"INSERT other.t VALUES (1);",
    b"REPLACE INTO `other` . `t` VALUES (1);",
    b"INSERT INTO t SELECT * FROM mysql.user;",
    b"INSERT INTO t SELECT * FROM (a, mysql.user);",
    b"CREATE TABLE t AS SELECT * FROM a JOIN mysql.user;",
    b"CREATE TABLE other.t (i int);",
    b"CREATE TABLE t LIKE other.t;",
    b"CREATE VIEW other.v AS SELECT 1;",
    b"CREATE INDEX i ON other.t (a);",
    b"DROP TABLE other.t;",
    b"DROP TABLE IF EXISTS a, other.t;",
    b"DROP VIEW other.v;",
    b"DROP PROCEDURE other.p;",
    b"DROP TRIGGER other.t;",
    b"TRUNCATE other.t;",
    b"TRUNCATE TABLE other.t;",
    b"ALTER TABLE other.t ADD x int;",
    b"ALTER TABLE t RENAME TO other.t;",
    b"RENAME TABLE t TO other.t;",
    b"UPDATE other.t SET a = 1;",
    b"UPDATE a, other.t SET a = 1;",
    b"DELETE FROM other.t;",
    b"DELETE a, other.t FROM a;",
    b"LOCK TABLES a READ, other.t WRITE;",
    b"SELECT other.f();",
    b"SET @a = other.f();",
    b"SET @a = (SELECT authentication_string FROM mysql.user);",
    b"DO other.f(1);",
    b"CALL p();",
    b"CREATE TRIGGER other.t BEFORE INSERT ON x FOR EACH ROW SET @a = 1;",
    b"CREATE PROCEDURE other.p() SELECT 1;",
    b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM other.t;",
    b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET GLOBAL general_log = 1;",
    # made up at run time
    b"PREPARE s FROM 'DROP DATABASE other';",
    b"SET @x = 'DROP DATABASE other';\nPREPARE s FROM @x;",
    b"SET @x = IF(@y, 'SELECT 0', 'DROP DATABASE other');\nPREPARE s FROM @x;",
    b"SET @x = IF(@y, 'SELECT 0', 'SELECT 0');\nSET @x = 'DROP DATABASE other';\nPREPARE s FROM @x;",
    b"SET @x = IF(@y, 'SELECT 0', 'SELECT 0');\nSELECT 'DROP DATABASE other' INTO @x;\nPREPARE s FROM @x;",
    b"EXECUTE IMMEDIATE 'DROP DATABASE other';",
    # hidden
    b"/*!50001 DROP DATABASE other */;",
    b"/*!99999 SELECT */ DROP DATABASE other;",
    b"/*M!100600 SELECT */ DROP DATABASE other;",
    b"/*!80000 SELECT 1 # */ DROP DATABASE other\n;",
    b"DROP /* a */ /*!32302 DATABASE */ -- b\n other;",
    b"/*!50700 DROP DATABASE other */;",
    b"/*!80000 ' */ DROP DATABASE other -- '\n;",
    b"DROP TABLE /*!80000 other.*/ t;",
    b"/* a */ dRoP\tDATABASE#x\nother;",
    b"SELECT 1 INTO /*!50001 OUTFILE*/ '/x';",
    # SQL modes that cannot be followed
    b"SET sql_mode = @unknown;",
    b"SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES');",
    b"SET /* sql_mode='x' */ sql_mode = 'ANSI_QUOTES';",
    b"/*!80000 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */;",
    b"SET @saved_sql_mode = @@sql_mode;\nSELECT 'ANSI_QUOTES' INTO @saved_sql_mode;\nSET sql_mode = @saved_sql_mode;",
    # run through what the dump itself made
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS int BEGIN DELETE FROM other.t; RETURN 1; END;;\nSELECT f();;",
    b"DELIMITER ;;\nCREATE FUNCTION f() RETURNS int BEGIN DELETE FROM other.t; RETURN 1; END;;\nINSERT INTO t VALUES (f());;",
    b"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DELETE FROM mysql.user;\nINSERT INTO t VALUES (1);",
]


@pytest.mark.parametrize("dump", HOSTILE)
def test_a_hostile_statement_is_refused(dump):
    with pytest.raises(UnsafeDump, match=r"line \d+: "):
        check(dump)


def test_the_line_and_the_deed_are_named():
    with pytest.raises(UnsafeDump) as refused:
        check(b"SELECT 1;\n\n-- a\nSET GLOBAL general_log = 1;\n")
    assert refused.value.message == "line 4: changes the server: SET GLOBAL"
    assert refused.value.hint


def test_data_of_another_database_is_refused():
    with pytest.raises(UnsafeDump, match="other"):
        check(b"INSERT INTO t VALUES (1);\nINSERT INTO `other`.t VALUES (1);\n")


HARMLESS = [
    b"/*M!999999\\- enable the sandbox mode */ \nSELECT 1;\n",
    b"USE src;\nCREATE DATABASE `src`;\nDROP DATABASE IF EXISTS src;\nALTER DATABASE `src` CHARACTER SET latin1;\n",
    b"CREATE TABLE `LOAD DATA` (`INTO OUTFILE` int DEFAULT 1 COMMENT 'LOAD_FILE(''x'')', password int, role int);\n",
    b"INSERT INTO t VALUES ('\n\\\\! touch p','DROP DATABASE other;','LOAD DATA');\n",
    b"UPDATE users SET password = 'x', role = 1;\n",
    b"CREATE TABLE src.t (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES src.u (a));\n",
    b"SELECT t.a, t.b FROM t WHERE t.a = t.b;\n",
    b"CREATE VIEW v AS SELECT other.a FROM t AS other;\n",
    b"DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1 INTO OUTFILE '/x'; SET GLOBAL general_log = 1; PREPARE s FROM 'x'; EXECUTE s; END;;\nDELIMITER ;\nUSE src;\n",
    b"CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO audit.log VALUES (NEW.a);\nINSERT INTO u VALUES (1);\n",
    b"BEGIN;\nSTART TRANSACTION;\nALTER DATABASE CHARACTER SET latin1;\nANALYZE TABLE t;\nSHOW WARNINGS;\n/*!80002 ANALYZE TABLE `a` UPDATE HISTOGRAM ON `b` WITH 100 BUCKETS */;\n",
    b"DO SETVAL(`s`, 5, 0);\nSELECT SETVAL(`s`, 5, 0);\n",
    b"SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '5b2b40d0-e53f-11f1-b729-02fc00000001:1-26';\n",
    b"SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\n",
    b"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n",
    b"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE */;\n/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;\n",
    b"SET @OLD_AUTOCOMMIT=@@AUTOCOMMIT, @@AUTOCOMMIT=0;\nLOCK TABLES `a` WRITE;\nUNLOCK TABLES;\nCOMMIT;\n",
    (
        b"/*!50112 SELECT COUNT(*) INTO @is_rocksdb_supported FROM INFORMATION_SCHEMA.SESSION_VARIABLES WHERE VARIABLE_NAME='rocksdb_bulk_load' */;\n"
        b"/*!50112 SET @save_old_rocksdb_bulk_load = IF (@is_rocksdb_supported, 'SET SESSION rocksdb_bulk_load = 1', 'SET @dummy_rocksdb_bulk_load = 0') */;\n"
        b"/*!50112 PREPARE s FROM @save_old_rocksdb_bulk_load */;\n/*!50112 EXECUTE s */;\n/*!50112 DEALLOCATE PREPARE s */;\n"
    ),
]


@pytest.mark.parametrize("dump", HARMLESS)
def test_what_dumps_hold_passes(dump):
    check(dump)


def test_without_a_source_no_database_may_be_named():
    check(b"INSERT INTO t VALUES (1);\n", source=None)
    with pytest.raises(UnsafeDump):
        check(b"INSERT INTO d.t VALUES (1);\n", source=None)


EVENT = b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO "


@pytest.mark.parametrize("does", [b"DROP DATABASE prey", b"CALL p()", b"SET GLOBAL general_log = 1"])
def test_what_an_event_would_do_counts_only_where_it_will_run(does: bytes) -> None:
    dump = b"CREATE PROCEDURE p() PREPARE s FROM 'x';\n" + EVENT + does + b";\n"
    for events in (True, False):
        guard, lexer = MysqlGuard("shop", events=events), MysqlLexer()
        with pytest.raises(UnsafeDump) if events else nullcontext() as refused:
            for piece in [*lexer.feed(dump), *lexer.finish()]:
                guard.check(piece)
        if refused is not None:
            assert "--events disable" in str(refused.value.hint)


ROUTINE = """
/*!50003 SET @saved_cs_client = @@character_set_client */ ;
/*!50003 SET character_set_client = utf8mb4 */ ;
/*!50003 SET @saved_sql_mode = @@sql_mode */ ;
/*!50003 SET sql_mode = 'STRICT_TRANS_TABLES' */ ;
DELIMITER ;;
CREATE DEFINER={account} FUNCTION `{name}`() RETURNS int(11) DETERMINISTIC RETURN 1 ;;
DELIMITER ;
/*!50003 SET sql_mode = @saved_sql_mode */ ;
/*!50003 SET character_set_client = @saved_cs_client */ ;
"""


@pytest.mark.parametrize(
    "account",
    ["`app`@`%`", "`app`@`10.0.%`", "'app'@'%'", "`größer`@`é`", "`a`@`db.example.com`", "`app`@localhost"],
)
def test_a_definers_host_is_no_variable_that_holds_the_sql_mode(account: str) -> None:
    dump = (
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
        f"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER={account} SQL SECURITY DEFINER */\n"
        "/*!50001 VIEW `v` AS SELECT 1 AS `1` */;\n"
        + ROUTINE.format(account=account, name="f")
        + ROUTINE.format(account=account, name="g")
        + "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n"
    )
    check(dump.encode())
