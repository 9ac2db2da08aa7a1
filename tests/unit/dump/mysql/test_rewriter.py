"""What a restore changes in a dump, by token, and what it must not touch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.mysql.bridging import MysqlBridge
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.rewriter import MysqlRewriter, Target
from python_backup.dump.piece import Piece
from python_backup.errors import Refused

NEWLINE = b"\n"
MYSQL = frozenset(
    ("utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_unicode_520_ci", "utf8mb4_bin", "latin1_swedish_ci")
)
MARIADB = frozenset(
    (
        "utf8mb4_uca1400_ai_ci",
        "utf8mb4_uca1400_nopad_ai_ci",
        "utf8mb4_unicode_520_ci",
        "utf8mb4_bin",
        "latin1_swedish_ci",
    )
)
OLD_MARIADB = frozenset(("utf8mb4_unicode_520_ci", "utf8mb4_bin", "latin1_swedish_ci"))


def target(database: str = "new", version: str = "9.7.4", known: frozenset[str] = MYSQL) -> Target:
    return Target(database, version, known, frozenset((("root", "localhost"),)), ("me", "%"))


def pieces(dump: bytes) -> list[Piece]:
    lexer = MysqlLexer()
    return [*lexer.feed(dump), *lexer.finish()]


def rewritten(
    dump: bytes, source: str | None = "old", to: Target | None = None, choices: Choices = AS_THE_DUMP
) -> tuple[bytes, Changes]:
    changes = Changes()
    found = MysqlRewriter(source, to or target(), changes, choices).rewrite(pieces(dump))
    return b"".join(p.text for p in found), changes


RENAMED = [
    (b"INSERT INTO old.b VALUES (1);", b"INSERT INTO `new`.b VALUES (1);"),
    (b"INSERT INTO `old` . `b` (`old`) SELECT old FROM c, old.d AS x JOIN (old.e, old.f) ON x.old = e.old;",
     b"INSERT INTO `new` . `b` (`old`) SELECT old FROM c, `new`.d AS x JOIN (`new`.e, `new`.f) ON x.old = e.old;"),
    (b"SELECT old.t.c, old.t.* FROM old.t;", b"SELECT `new`.t.c, `new`.t.* FROM `new`.t;"),
    (b"SELECT old.c FROM t AS old;", b"SELECT old.c FROM t AS old;"),
    (b"SELECT old.c, old.* FROM old;", b"SELECT old.c, old.* FROM old;"),
    (b"SELECT old.f(1), old.c FROM old.old;", b"SELECT `new`.f(1), old.c FROM `new`.old;"),
    (b"SELECT t.old FROM workold.t, oldshop.t;", b"SELECT t.old FROM workold.t, oldshop.t;"),
    (b"SELECT 'old.t', \"old.t\" /* old.t */ FROM t -- old.t\n;", b"SELECT 'old.t', \"old.t\" /* old.t */ FROM t -- old.t\n;"),
    (b"SELECT EXTRACT(YEAR FROM old.c), TRIM('x' FROM old.d) FROM t old;", b"SELECT EXTRACT(YEAR FROM old.c), TRIM('x' FROM old.d) FROM t old;"),
    (b"SELECT 1 FROM t WHERE a IN (SELECT b FROM old.u);", b"SELECT 1 FROM t WHERE a IN (SELECT b FROM `new`.u);"),
    (b"UPDATE old.t, old.u SET t.a = u.b;", b"UPDATE `new`.t, `new`.u SET t.a = u.b;"),
    (b"DELETE FROM old.t USING old.t JOIN u;", b"DELETE FROM `new`.t USING `new`.t JOIN u;"),
    (b"REPLACE old.t VALUES (1);", b"REPLACE `new`.t VALUES (1);"),
    (b"SELECT REPLACE(old.a, 'x', old.b) FROM t old;", b"SELECT REPLACE(old.a, 'x', old.b) FROM t old;"),
    (b"CALL old.p(1);", b"CALL `new`.p(1);"),
    (b"TRUNCATE TABLE old.t;", b"TRUNCATE TABLE `new`.t;"),
    (b"DROP TABLE IF EXISTS a, old.t;", b"DROP TABLE IF EXISTS a, `new`.t;"),
    (b"LOCK TABLES a READ, old.t WRITE;", b"LOCK TABLES a READ, `new`.t WRITE;"),
    (b"CREATE TABLE IF NOT EXISTS old.t (old int, FOREIGN KEY (old) REFERENCES old.u (old) ON DELETE CASCADE);",
     b"CREATE TABLE IF NOT EXISTS `new`.t (old int, FOREIGN KEY (old) REFERENCES `new`.u (old) ON DELETE CASCADE);"),
    (b"ALTER TABLE old.t RENAME TO old.u;", b"ALTER TABLE `new`.t RENAME TO `new`.u;"),
    (b"ALTER DATABASE `old` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;", b"ALTER DATABASE `new` CHARACTER SET latin1 COLLATE latin1_swedish_ci ;"),
    (b"CREATE TRIGGER old.g BEFORE UPDATE ON old.t FOR EACH ROW SET NEW.a = OLD.a, @old.x = 1;",
     b"CREATE TRIGGER `new`.g BEFORE UPDATE ON `new`.t FOR EACH ROW SET NEW.a = OLD.a, @old.x = 1;"),
    (b"CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET new.a = old.a;", b"CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET new.a = old.a;"),
    (b"CREATE INDEX i ON old.t (old);", b"CREATE INDEX i ON `new`.t (old);"),
    (b"DO NEXTVAL(old.s);", b"DO NEXTVAL(`new`.s);"),
    (b"SELECT * FROM t PARTITION (p0), old.t PARTITION (p1) FOR UPDATE OF old.t;", b"SELECT * FROM t PARTITION (p0), `new`.t PARTITION (p1) FOR UPDATE OF `new`.t;"),
    (b"SELECT 1 FROM {OJ old.t LEFT JOIN old.u ON 1};", b"SELECT 1 FROM {OJ `new`.t LEFT JOIN `new`.u ON 1};"),
    (b"/*!50106 CREATE*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO insert into `old`.log values ('old.log') */;",
     b"/*!50106 CREATE*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO insert into `new`.log values ('old.log') */;"),
    (b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50001 VIEW `v` AS select `old`.`t`.`c` AS `old` from (`old`.`t` join `t` `old` on((`old`.`i` = `old`.`t`.`i`))) */;",
     b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50001 VIEW `v` AS select `new`.`t`.`c` AS `old` from (`new`.`t` join `t` `old` on((`old`.`i` = `new`.`t`.`i`))) */;"),
]  # fmt: skip


BODIES = [
    (b"CREATE PROCEDURE p() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS old.x LIKE old.t; RENAME TABLE a TO old.b, old.c TO d; ALTER TABLE a RENAME old.b; END;",
     b"CREATE PROCEDURE p() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS `new`.x LIKE `new`.t; RENAME TABLE a TO `new`.b, `new`.c TO d; ALTER TABLE a RENAME `new`.b; END;"),
    (b"CREATE PROCEDURE p() RENAME TABLE old.a TO old.b;", b"CREATE PROCEDURE p() RENAME TABLE `new`.a TO `new`.b;"),
    (b"CREATE PROCEDURE p() DROP DATABASE IF EXISTS old;", b"CREATE PROCEDURE p() DROP DATABASE IF EXISTS `new`;"),
    (b"CREATE PROCEDURE p() BEGIN ALTER SCHEMA old COLLATE utf8mb4_bin; ALTER DATABASE CHARACTER SET utf8mb4; SELECT DATABASE(); SHOW CREATE DATABASE `old`; END;",
     b"CREATE PROCEDURE p() BEGIN ALTER SCHEMA `new` COLLATE utf8mb4_bin; ALTER DATABASE CHARACTER SET utf8mb4; SELECT DATABASE(); SHOW CREATE DATABASE `new`; END;"),
    (b"CREATE PROCEDURE p() BEGIN SHOW OPEN TABLES FROM old; SHOW TABLES IN old; SHOW COLUMNS FROM old FROM old; SHOW INDEX IN old; SHOW TRIGGERS FROM old LIKE 'old.'; END;",
     b"CREATE PROCEDURE p() BEGIN SHOW OPEN TABLES FROM `new`; SHOW TABLES IN `new`; SHOW COLUMNS FROM old FROM `new`; SHOW INDEX IN old; SHOW TRIGGERS FROM `new` LIKE 'old.'; END;"),
    (b"CREATE PROCEDURE p() BEGIN GRANT SELECT ON old.* TO old@old; REVOKE EXECUTE ON PROCEDURE old.p FROM old; END;",
     b"CREATE PROCEDURE p() BEGIN GRANT SELECT ON `new`.* TO old@old; REVOKE EXECUTE ON PROCEDURE `new`.p FROM old; END;"),
    (b"CREATE PROCEDURE p() BEGIN DECLARE v ROW TYPE OF old.t; DECLARE w TYPE OF old.t.a; DECLARE x TYPE OF old.a; END;",
     b"CREATE PROCEDURE p() BEGIN DECLARE v ROW TYPE OF `new`.t; DECLARE w TYPE OF `new`.t.a; DECLARE x TYPE OF old.a; END;"),
    (b"CREATE PACKAGE BODY old.k AS v old.t%ROWTYPE; w old.t.a%TYPE; x old.a%TYPE; PROCEDURE p AS BEGIN INSERT INTO old.t VALUES (1); END; END;",
     b"CREATE PACKAGE BODY `new`.k AS v `new`.t%ROWTYPE; w `new`.t.a%TYPE; x old.a%TYPE; PROCEDURE p AS BEGIN INSERT INTO `new`.t VALUES (1); END; END;"),
    (b"CREATE PROCEDURE p() BEGIN DECLARE old ROW (a INT); SET old.a = 1; FOR old IN (SELECT a FROM old.t) DO SELECT old.a; END FOR; END;",
     b"CREATE PROCEDURE p() BEGIN DECLARE old ROW (a INT); SET old.a = 1; FOR old IN (SELECT a FROM `new`.t) DO SELECT old.a; END FOR; END;"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), BODIES)
def test_a_body_is_renamed_statement_by_statement(before, after):
    assert rewritten(b"DELIMITER $\n" + before + b"$\n")[0] == b"DELIMITER $\n" + after + b"$\n"


@pytest.mark.parametrize(("before", "after"), RENAMED)
def test_the_source_database_is_renamed_where_it_is_a_database(before, after):
    assert rewritten(before, choices=Choices(events="keep"))[0] == after


@pytest.mark.parametrize(("before", "_"), RENAMED)
def test_nothing_is_renamed_when_the_target_has_the_sources_name(before, _):
    assert rewritten(before, to=target("old"))[0] == before


def test_a_routines_body_is_renamed_between_its_own_delimiters():
    dump = b"DELIMITER ;;\nCREATE PROCEDURE `p`()\nBEGIN\n  -- old.a\n  IF EXISTS(SELECT 1 FROM old.a) THEN DELETE FROM old.b; END IF;\n  CALL old.q();\nEND ;;\nDELIMITER ;\n"
    assert rewritten(dump)[0] == dump.replace(b"FROM old.", b"FROM `new`.").replace(
        b"CALL old.", b"CALL `new`."
    )


def test_double_quoted_names_are_renamed_under_ansi_quotes_and_strings_are_not():
    statement = b'SELECT * FROM "old"."t" WHERE a = "old.t";'
    assert rewritten(b"SET sql_mode='ANSI_QUOTES';\n" + statement)[0].endswith(
        statement.replace(b'"old"."t" ', b'`new`."t" ')
    )
    assert rewritten(b'SELECT * FROM `old`.t WHERE a = "x"".old.t";')[0].endswith(b'"x"".old.t";')


def test_a_name_with_a_backquote_is_matched_and_written():
    assert (
        rewritten(b"INSERT INTO `a``b`.t VALUES (1);", "a`b", target("c`d"))[0]
        == b"INSERT INTO `c``d`.t VALUES (1);"
    )


def test_the_name_in_a_grant_is_a_pattern():
    escaped = rewritten(b"CREATE PROCEDURE p() GRANT SELECT ON `a\\_b`.* TO u;", "a_b", target("c_d"))[0]
    assert escaped == b"CREATE PROCEDURE p() GRANT SELECT ON `c\\_d`.* TO u;"


def test_a_server_that_takes_upper_and_lower_case_for_the_same_is_followed():
    dump = b"CREATE PROCEDURE p() INSERT INTO OLD.t SELECT Old.c FROM `Old`.u, t AS OLD;"
    folding = replace(target(), folds_names=True)
    assert rewritten(dump, to=folding)[0] == dump.replace(b"OLD.t", b"`new`.t").replace(
        b"`Old`.u", b"`new`.u"
    )
    assert rewritten(dump, to=target())[0] == dump


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


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"old",
                b".",
                b"`old`",
                b"'",
                b"(",
                b")",
                b",",
                b" FROM ",
                b"t",
                b"/*!50001 old.t */",
                b"2*/* old */3",
                b" AS ",
            ]
        ),
        max_size=15,
    )
)
def test_any_statement_keeps_all_but_the_name(parts):
    sql = b"SELECT " + b"".join(parts).replace(b"'", b"'old.x'") + b" 1"
    dump = sql + b";\n"
    left = Choices(rename_ambiguous=False)
    assert rewritten(dump, choices=left)[0].replace(b"`new`", b"old").replace(
        b"`old`", b"old"
    ) == dump.replace(b"`old`", b"old")


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


AMBIGUOUS = b"CREATE VIEW v AS\nSELECT old.c FROM t;"


def test_what_may_be_the_database_or_an_alias_is_refused_with_its_place():
    with pytest.raises(
        Refused, match=r"\Aline 2: old\.… may name the database old or something else"
    ) as refused:
        rewritten(AMBIGUOUS)
    assert refused.value.exit_code == 8
    assert "--rename-ambiguous" in str(refused.value.hint)


def test_somebody_may_decide_what_an_ambiguous_name_is():
    renamed, _ = rewritten(AMBIGUOUS, choices=Choices(rename_ambiguous=True))
    left, changes = rewritten(AMBIGUOUS, choices=Choices(rename_ambiguous=False))
    assert (renamed, left) == (AMBIGUOUS.replace(b"old", b"`new`"), AMBIGUOUS)
    assert changes.warnings == [
        "line 2: old.… may name the database old or something else that is called so; it was left as it is"
    ]


def test_an_ambiguous_name_is_left_where_the_database_has_the_sources_name_in_the_end():
    text, changes = rewritten(AMBIGUOUS, choices=Choices(final_name="old"))
    assert (text, changes.warnings) == (AMBIGUOUS, [])


def test_a_string_in_a_program_that_names_the_source_is_left_and_said_with_its_line():
    dump = b"DELIMITER ;;\nCREATE PROCEDURE p()\nBEGIN\n  SET @s = CONCAT('insert into `old`.log values (', 1);\n  PREPARE s FROM @s;\nEND ;;\n"
    text, changes = rewritten(dump)
    assert text == dump
    assert changes.warnings == ["line 4: a string names the database old; it is left as it is"]
    assert rewritten(b"CREATE PROCEDURE p() SELECT 'sold.', 'older.x', 'an old. one';")[1].warnings == [
        "line 1: a string names the database old; it is left as it is"
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("'old'", True),
        ("'drop table old'", True),
        ("'use `old`'", True),
        ("'show tables from old where 1'", True),
        ("'insert into \"old\".t'", True),
        ("'an old man'", False),
        ("'olden times'", False),
        ("'fold.x'", False),
    ],
)
def test_a_part_of_a_statement_that_may_name_the_source_is_said(text, named):
    _, changes = rewritten(f"CREATE PROCEDURE p() SELECT {text};".encode())
    assert bool(changes.warnings) is named


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


def unbridgeable(dump: bytes, version: str, choices: Choices = AS_THE_DUMP) -> tuple[str, ...]:
    bridge = MysqlBridge("old")
    for piece in pieces(dump):
        bridge.take(piece)
    return bridge.unbridgeable(target(version=version), choices)


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


def test_an_ambiguous_name_is_told_before_the_target_is_touched():
    (reason,) = unbridgeable(AMBIGUOUS, "9.7.4")
    assert "line 2: old.…" in reason
    assert unbridgeable(AMBIGUOUS, "9.7.4", Choices(rename_ambiguous=True)) == ()


def test_changes_tell_the_line():
    _, changes = rewritten(b"SELECT 1;\n\n-- a\nSELECT * FROM old.t;\n")
    assert [(kind, places[0].line) for kind, _, places in changes] == [("database renamed", 4)]
