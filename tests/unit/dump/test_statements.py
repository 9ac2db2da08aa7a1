"""Digests of objects' statements: what does not make an object another changes nothing, all else does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.facts import FactsCounter
from python_backup.dump.table import DIALECTS


def digests(
    family: str, dump: str, source: str | None = None, size: int = 1 << 20
) -> Mapping[str, Mapping[str, str]]:
    dialect = DIALECTS[family]
    lexer, counter = dialect.lexer(), FactsCounter(dialect.objects(), dialect.statements(source))
    content = dump.encode()
    for at in range(0, len(content), size):
        for piece in lexer.feed(content[at : at + size]):
            counter.take(piece)
    for piece in lexer.finish():
        counter.take(piece)
    return counter.result().statements


def names(found: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    return {kind: list(made) for kind, made in found.items()}


VIEW = "CREATE VIEW `v` AS select `a`.`id` AS `id` from `a` where `a`.`t` <> 'x  y'"
TABLE = "CREATE TABLE `a` (`id` int NOT NULL AUTO_INCREMENT, KEY `k` (`id`)) ENGINE=InnoDB"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{TABLE} AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4;", f"{TABLE} DEFAULT CHARSET=utf8mb4;"),
        (f"{TABLE};", TABLE.replace("(", "(\n  -- a comment\n  ") + "\n/* another; */;"),
        (f"{TABLE} /*!50100 PARTITION BY HASH (id) */;", f"{TABLE} PARTITION BY HASH (id);"),
        (
            (
                "/*!50001 CREATE ALGORITHM=UNDEFINED */\n"
                "/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n"
                "/*!50001 VIEW `v` AS select 1 AS `a` */;"
            ),
            "CREATE ALGORITHM=UNDEFINED DEFINER='app'@'%' SQL SECURITY DEFINER VIEW `v` AS select 1 AS `a`;",
        ),
        (
            "CREATE DEFINER=CURRENT_USER() PROCEDURE p() SELECT 1;",
            "CREATE DEFINER=admins PROCEDURE p() SELECT 1;",
        ),
        (f"{TABLE};\nINSERT INTO a VALUES (1);", f"{TABLE};\n/*!40000 ALTER TABLE `a` DISABLE KEYS */;"),
    ],
)
def test_what_makes_no_other_object_in_mysql_changes_no_digest(one: str, other: str) -> None:
    assert digests("mysql", one) == digests("mysql", other) != {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{VIEW};", VIEW.replace("x  y", "x y") + ";"),
        (f"{VIEW};", VIEW.replace("<>", "=") + ";"),
        (f"{TABLE};", TABLE.replace("int", "bigint") + ";"),
        (f"{TABLE};", f"{TABLE} COMMENT='AUTO_INCREMENT=1';"),
        ("CREATE DEFINER=a SQL SECURITY DEFINER VIEW v AS SELECT 1;",
         "CREATE DEFINER=a SQL SECURITY INVOKER VIEW v AS SELECT 1;"),
        (f"{TABLE};", f"{TABLE};\nALTER TABLE `a` ADD `b` int;"),
    ],
)  # fmt: skip
def test_what_makes_another_object_in_mysql_changes_its_digest(one: str, other: str) -> None:
    before, after = digests("mysql", one), digests("mysql", other)
    assert names(before) == names(after)
    assert before != after


def test_the_own_databases_name_does_not_count() -> None:
    dump = (
        "CREATE VIEW `v` AS select `a`.`id` from `{0}`.`a` join {0} . b;\n"
        "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW INSERT INTO `{0}`.`log` VALUES ('shop.x', NEW.id);\n"
    )
    shop, other = digests("mysql", dump.format("shop"), "shop"), digests("mysql", dump.format("o1"), "o1")
    assert shop == other
    assert digests("mysql", dump.format("shop"), "elsewhere") != shop


FILLED = """CREATE MATERIALIZED VIEW public.m AS SELECT 1 WITH NO DATA;
CREATE SEQUENCE public.s;
SELECT pg_catalog.setval('public.s', 1, true);
REFRESH MATERIALIZED VIEW public.m;
"""
PG_TABLE = "CREATE TABLE public.a (\n    id integer NOT NULL,\n    t text DEFAULT 'x  y'::text\n);\n"
FUNCTION = "CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $_$ SELECT 1; -- one $_$;\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PG_TABLE, PG_TABLE.replace("\n    ", " ").replace("(", "( -- a comment\n /* another */")),
        (PG_TABLE, f'{PG_TABLE}ALTER TABLE public.a OWNER TO "some one";\n' + "GRANT ALL ON TABLE public.a TO bob;\n"),
        (PG_TABLE, f"{PG_TABLE}ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT ALL ON TABLES TO y;\n"),
        (PG_TABLE, f"{PG_TABLE}SELECT pg_catalog.setval('public.s', 5, true);\nSET x = 1;\n"),
        (PG_TABLE, f"{PG_TABLE}CREATE USER MAPPING FOR a SERVER b OPTIONS (password 'x');\n"),
        (f"{PG_TABLE}COMMENT ON TABLE public.a IS 'x';\nCOMMENT ON COLUMN public.a.t IS 'y';\n",
         f"{PG_TABLE}COMMENT ON COLUMN public.a.t IS 'y';\nCOMMENT ON TABLE public.a IS 'x';\n"),
    ],
)  # fmt: skip
def test_what_makes_no_other_object_in_postgresql_changes_no_digest(one: str, other: str) -> None:
    assert digests("postgresql", one) == digests("postgresql", other) != {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PG_TABLE, PG_TABLE.replace("x  y", "x y")),
        (PG_TABLE, f"{PG_TABLE}COMMENT ON COLUMN public.a.t IS 'y';\n"),
        (PG_TABLE, f"{PG_TABLE}ALTER TABLE ONLY public.a ALTER COLUMN id SET DEFAULT 1;\n"),
        (PG_TABLE, f"{PG_TABLE}ALTER TABLE public.a ENABLE ROW LEVEL SECURITY;\n"),
        (FILLED, FILLED.replace("REFRESH MATERIALIZED VIEW public.m;\n", "")),
        (FILLED, FILLED.replace("1, true", "1, false")),
        (FUNCTION, FUNCTION.replace("-- one", "-- two")),
        (FUNCTION, FUNCTION.replace("$_$;", "$_$ IMMUTABLE;")),
    ],
)
def test_what_makes_another_object_in_postgresql_changes_its_digest(one: str, other: str) -> None:
    before, after = digests("postgresql", one), digests("postgresql", other)
    assert names(before) == names(after)
    assert before != after


def test_every_statement_goes_to_its_object() -> None:
    dump = f"""{PG_TABLE}{FUNCTION}
CREATE VIEW public.v AS SELECT 1 AS x;
CREATE OR REPLACE VIEW public.v AS SELECT a.id AS x FROM public.a;
ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id);
CREATE INDEX i ON public.a USING btree (t);
COMMENT ON INDEX public.i IS 'x';
CREATE TRIGGER tr BEFORE INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.f();
COMMENT ON TRIGGER tr ON public.a IS 'x';
COMMENT ON CONSTRAINT a_pkey ON public.a IS 'x';
CREATE SEQUENCE public.s START WITH 1;
ALTER SEQUENCE public.s OWNED BY public.a.id;
CREATE TYPE public.e AS ENUM ('a', 'b');
COMMENT ON FUNCTION public.f() IS 'x';
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
COMMENT ON EXTENSION hstore IS 'x';
CREATE SCHEMA other;
CREATE CAST (text AS public.e) WITH INOUT;
CREATE TEXT SEARCH CONFIGURATION public.c (PARSER = pg_catalog."default");
CREATE PUBLICATION p FOR ALL TABLES;
CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION public.f();
CREATE POLICY po ON public.a USING (true);
"""
    assert names(digests("postgresql", dump)) == {
        "constraints": ["public.a.a_pkey"],
        "event_triggers": ["et"],
        "extensions": ["hstore"],
        "indexes": ["public.i"],
        "others": ["cast", "publication p", "text search configuration public.c"],
        "policies": ["public.a.po"],
        "routines": ["public.f"],
        "schemas": ["other"],
        "sequences": ["public.s"],
        "tables": ["public.a"],
        "triggers": ["public.a.tr"],
        "types": ["public.e"],
        "views": ["public.v"],
    }
    mysql = f"{TABLE};\n{VIEW};\nCREATE PROCEDURE p() SELECT 1;\nCREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;\n"
    assert names(digests("mysql", mysql)) == {
        "events": ["e"], "routines": ["p"], "tables": ["a"], "views": ["v"],
    }  # fmt: skip


def test_overloads_are_one_object_in_any_order() -> None:
    other = FUNCTION.replace("f()", "f(integer)")
    both = digests("postgresql", FUNCTION + other)
    assert both == digests("postgresql", other + FUNCTION) != digests("postgresql", FUNCTION)


def test_what_is_dropped_again_has_no_digest() -> None:
    dump = f"CREATE TABLE `v` (`id` int);\nDROP TABLE `v`;\n{TABLE};\n"
    assert names(digests("mysql", dump)) == {"tables": ["a"]}


@given(st.integers(1, 60))
def test_where_the_stream_is_cut_does_not_count(size: int) -> None:
    mysql = f"{TABLE};\nINSERT INTO a VALUES (1),(2);\n/*!50001 {VIEW} */;\n"
    assert digests("mysql", mysql, size=size) == digests("mysql", mysql)
    dump = PG_TABLE + FUNCTION
    assert digests("postgresql", dump, size=size) == digests("postgresql", dump)


def test_statistics_are_an_object_of_their_own_whatever_their_expressions_say() -> None:
    made = digests(
        "postgresql",
        "CREATE STATISTICS public.s (dependencies) ON (EXTRACT(day FROM b)), c FROM public.t;\n",
    )
    assert list(made) == ["others"]
    assert list(made["others"]) == ["statistics public.s"]


def test_the_order_of_triggers_and_the_settings_around_a_program_count() -> None:
    one, two = (f"CREATE TRIGGER {name} BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;\n" for name in "ab")
    first, second = (digests("mysql", text)["triggers"] for text in (one + two, two + one))
    assert first["a"] != second["a"]
    assert first["b"] != second["b"]
    assert first["a"].startswith("blake3-session:")
    ansi = digests("mysql", "/*!50003 SET sql_mode = 'ANSI_QUOTES' */;\n" + one)["triggers"]
    assert ansi["a"] != first["a"]
    saved = digests("mysql", "SET @saved_sql_mode = @@sql_mode;\n" + one)["triggers"]
    assert saved["a"] == first["a"]
