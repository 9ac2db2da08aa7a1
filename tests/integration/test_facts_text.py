"""Text is not SQL: what only looks like a statement or a database's name comes back as it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from support import databases
from support.jobs import backed_up, copied, restored, with_options
from support.servers import RunningServer, instance_for

Name = Callable[..., str]

LOOKS = (
    "LOCALE_PROVIDER = libc",
    "CREATE ROLE x@y;",
    "DROP DATABASE shop;",
    "\\connect shop",
    "\\connect shop\nDROP DATABASE shop;\n\\.\n",
    "\\restrict x",
    "CREATE DATABASE shop;\nUSE shop;\nDELIMITER ;;",
    "-- Dump completed on 2026-01-13 15:54:40",
    "--\n-- PostgreSQL database dump complete\n--\n",
    "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/",
    "'); DROP TABLE looks; --",
    "SET transaction_timeout = 0;",
)


def test_rows_that_look_like_statements_come_back(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "copy", create=False)
    written = [(number, text.replace("shop", source)) for number, text in enumerate(LOOKS)]
    with closing(databases.connection(any_server, source)) as link, link.cursor() as cursor:
        cursor.execute("CREATE TABLE looks (id INT PRIMARY KEY, v TEXT)")
        cursor.executemany("INSERT INTO looks VALUES (%s, %s)", written)
    copied(instance_for(any_server), source, target, tmp_path)
    assert sorted(databases.rows(any_server, target, "SELECT id, v FROM looks")) == written


BODY = """
BEGIN
CREATE DATABASE zzz;
\\connect foo
DROP DATABASE SHOP;
-- SHOP.t and "SHOP".t
END
"""


def test_bodies_views_json_and_comments_of_postgresql_keep_every_byte(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = (
        new_database(postgresql_server, "shop"),
        new_database(postgresql_server, "copy", create=False),
    )
    body = BODY.replace("SHOP", source)
    databases.execute(
        postgresql_server, source,
        "SET check_function_bodies = off",
        f"CREATE FUNCTION made() RETURNS void LANGUAGE sql AS $body${body}$body$",
        f"CREATE TABLE {source} (id int, {source} jsonb)",
        f"""INSERT INTO {source} VALUES (1, '{{"{source}": "CREATE DATABASE {source};"}}')""",
        f"COMMENT ON TABLE {source} IS E'{source}\\nDROP DATABASE {source};\\n\\\\connect {source}'",
        f"CREATE VIEW v AS SELECT {source}.{source} AS x, '{source}.{source}'::text AS y FROM {source}",
    )  # fmt: skip
    copied(instance_for(postgresql_server), source, target, tmp_path)
    questions = (
        "SELECT prosrc FROM pg_proc WHERE proname = 'made'",
        "SELECT definition FROM pg_views WHERE viewname = 'v'",
        f"SELECT id, {source}::text, obj_description('{source}'::regclass) FROM {source}",
    )
    found = [[databases.rows(postgresql_server, name, q) for q in questions] for name in (source, target)]
    assert found[1] == found[0]
    assert found[1][0] == [(body,)]


def test_literals_comments_and_names_that_hold_the_databases_name_stay_as_they_are(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(mysql_server, "shop"), new_database(mysql_server, "copy", create=False)
    databases.execute(
        mysql_server, source,
        f"CREATE TABLE work{source} (id INT, {source} JSON) COMMENT 'of `{source}`.`t`; USE {source};'",
        f"""INSERT INTO work{source} VALUES (1, '{{"{source}": "`{source}`.`t`"}}')""",
        f"CREATE FUNCTION said() RETURNS TEXT DETERMINISTIC BEGIN /* {source}.t */ RETURN 'in `{source}`.`t`;'; END",
        f"CREATE VIEW v AS SELECT 'from {source}.t' AS x FROM work{source}",
    )  # fmt: skip
    copied(instance_for(mysql_server), source, target, tmp_path)
    for question in (
        f"SELECT id, {source} FROM work{source}",
        "SELECT said()",
        "SELECT x FROM v",
        "SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_comment LIKE 'of%'",
    ):
        assert databases.rows(mysql_server, target, question) == databases.rows(
            mysql_server, source, question
        )


def test_a_table_whose_name_holds_the_databases_name_keeps_it(
    any_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(any_server, "shop"), new_database(any_server, "shop2", create=False)
    databases.execute(
        any_server, source, f"CREATE TABLE work{source} (id INT)", f"INSERT INTO work{source} VALUES (1)"
    )
    copied(instance_for(any_server), source, target, tmp_path)
    assert databases.rows(any_server, target, f"SELECT id FROM work{source}") == [(1,)]


def test_a_database_with_a_backquote_is_left_alone_by_the_restore_of_its_dump(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(mysql_server, "a`b"), new_database(mysql_server, "c`d", create=False)
    databases.execute(mysql_server, source, "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)")
    result = backed_up(instance_for(mysql_server), source, tmp_path)
    databases.execute(mysql_server, source, "INSERT INTO t VALUES (2)")
    restored(instance_for(mysql_server), result.path, target)
    found = [databases.rows(mysql_server, name, "SELECT COUNT(*) FROM t") for name in (source, target)]
    assert found == [[(2,)], [(1,)]]


def test_code_in_comments_is_restored_as_code(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(mysql_server, "shop"), new_database(mysql_server, "copy", create=False)
    databases.execute(
        mysql_server, source, "CREATE TABLE t (id INT)", "CREATE VIEW v AS SELECT id FROM t",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.id = NEW.id + 1; SET @x = ';'; END",
    )  # fmt: skip
    result = backed_up(instance_for(mysql_server), source, tmp_path)
    assert result.manifest is not None
    assert result.manifest.facts.objects == {"tables": ("t",), "triggers": ("tr",), "views": ("v",)}
    restored(instance_for(mysql_server), result.path, target)
    databases.execute(mysql_server, target, "INSERT INTO t VALUES (1)")
    assert databases.rows(mysql_server, target, "SELECT id FROM v") == [(2,)]


@pytest.mark.parametrize("quoted", [True, False])
def test_programs_that_name_their_database_work_in_the_copy_and_leave_the_source_alone(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, quoted: bool
) -> None:
    source, target = new_database(mysql_server, "shop"), new_database(mysql_server, "copy", create=False)
    own = f"`{source}`" if quoted else source
    databases.execute(
        mysql_server, source,
        f"CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20), {source} INT)",
        "CREATE TABLE t (id INT PRIMARY KEY)",
        f"CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO {own}.log (what) VALUES ('trigger')",
        f"CREATE PROCEDURE p() BEGIN INSERT INTO {own}.`log` (what) VALUES ('procedure'); END",
        f"CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM {own}.log)",
        f"CREATE VIEW v AS SELECT l.what, l.{source} AS c FROM {own}.log AS l",
        f"CREATE VIEW alias AS SELECT {source}.what, {source}.{source} AS c FROM log AS {source}",
        f"CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DISABLE DO INSERT INTO {own}.log (what) VALUES ('event')",
    )  # fmt: skip
    result = backed_up(instance_for(mysql_server), source, tmp_path)
    restored(instance_for(mysql_server), result.path, target)
    databases.execute(mysql_server, target, "INSERT INTO t VALUES (1)", "CALL p()", "ALTER EVENT e ENABLE")
    end = time.monotonic() + 20
    wanted = {("trigger",), ("procedure",), ("event",)}
    while (found := set(databases.rows(mysql_server, target, "SELECT what FROM log"))) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    databases.execute(mysql_server, target, "ALTER EVENT e DISABLE")
    counts = databases.rows(mysql_server, target, "SELECT COUNT(*) >= 3, f() >= 3 FROM v")
    assert (counts, databases.rows(mysql_server, target, "SELECT COUNT(*) >= 3 FROM alias")) == (
        [(1, 1)],
        [(1,)],
    )
    assert databases.rows(mysql_server, source, "SELECT COUNT(*) FROM log") == [(0,)]


def test_what_a_dump_says_of_its_database_is_said_of_the_target(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = (
        new_database(postgresql_server, "a b"),
        new_database(postgresql_server, 'c"d', create=False),
    )
    own, role = databases.quoted(postgresql_server, source), f"role_{source.rpartition('_')[2]}"
    databases.execute(
        postgresql_server, None,
        f"CREATE ROLE {role}",
        f"ALTER DATABASE {own} SET work_mem = '7MB'",
        f"ALTER DATABASE {own} CONNECTION LIMIT 7",
        f"COMMENT ON DATABASE {own} IS 'the {source}'",
        f"ALTER ROLE {role} IN DATABASE {own} SET work_mem = '8MB'",
        f"GRANT TEMPORARY ON DATABASE {own} TO {role}",
    )  # fmt: skip
    said = """
        SELECT datconnlimit, shobj_description(oid, 'pg_database'),
          (SELECT array_agg(setrole::regrole || ' ' || setconfig::text ORDER BY 1) FROM pg_db_role_setting
           WHERE setdatabase = d.oid)
        FROM pg_database d WHERE datname = """
    try:
        restored(
            instance_for(postgresql_server),
            backed_up(instance_for(postgresql_server), source, tmp_path).path,
            target,
        )
        found = [databases.rows(postgresql_server, None, f"{said} '{name}'") for name in (source, target)]
        assert found[1] == found[0]
        assert found[0][0][:2] == (7, f"the {source}")
    finally:
        for name in (source, target):
            databases.drop(postgresql_server, name)
        databases.execute(postgresql_server, None, f"DROP ROLE {role}")


@pytest.mark.parametrize("standard", ["on", "off"])
def test_inserts_with_line_ends_quotes_and_backslashes_come_back(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path, standard: str
) -> None:
    source, target = (
        new_database(postgresql_server, "shop"),
        new_database(postgresql_server, "copy", create=False),
    )
    texts = [*LOOKS, "a\nb", "c\\", "it's \\' ", '"', "\\'; DROP TABLE t; --", "ünï日本\t\v", "$$ $x$"]
    name = '"a ""b""\nc; ünï"'
    databases.execute(
        postgresql_server, source,
        f"ALTER DATABASE {source} SET standard_conforming_strings = {standard}",
        "SET escape_string_warning = off",
        f"CREATE TABLE {name} (id int PRIMARY KEY, {name} text)",
    )  # fmt: skip
    with closing(databases.connection(postgresql_server, source)) as link, link.cursor() as cursor:
        for number, text in enumerate(texts):
            cursor.execute(f"INSERT INTO {name} VALUES (%s, %s)", (number, text))
    copied(with_options(instance_for(postgresql_server), "--inserts"), source, target, tmp_path)
    found = databases.rows(postgresql_server, target, f"SELECT * FROM {name} ORDER BY id")
    assert found == list(enumerate(texts))
