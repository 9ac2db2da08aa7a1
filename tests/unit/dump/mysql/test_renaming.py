"""Where a dump's own name is its database, and where it may be something else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_backup.dump.choices import Choices
from python_backup.errors import Refused
from unit.dump.mysql.rewriting import rewritten, target, unbridgeable

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


@settings(max_examples=50)
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


def test_an_ambiguous_name_is_told_before_the_target_is_touched():
    (reason,) = unbridgeable(AMBIGUOUS, "9.7.4")
    assert "line 2: old.…" in reason
    assert unbridgeable(AMBIGUOUS, "9.7.4", Choices(rename_ambiguous=True)) == ()
