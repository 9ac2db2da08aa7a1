"""Which statements make an index or a key of one table, and what must be set for each."""

from __future__ import annotations

import pytest

from python_backup.dump.builds import Build, Builds, Setting
from python_backup.dump.changes import Changes
from python_backup.dump.postgresql import builds as module
from python_backup.dump.postgresql.builds import PostgreSQLBuilds
from python_backup.dump.postgresql.lexer import PostgreSQLLexer
from python_backup.dump.postgresql.rewriter import DumpRewriter, Target
from python_backup.jobs.reading import pieces_of

DATA = "COPY public.t (a, b) FROM stdin;\n1\tx\n\\.\n"


def builds(text: str) -> Builds:
    reader = PostgreSQLBuilds()
    for piece in pieces_of([text.encode()], PostgreSQLLexer()):
        reader.take(piece)
    target = Target("aim", 180000, lambda _: True, frozenset({"x"}), frozenset({"x"}))
    return reader.read(DumpRewriter(target, Changes()))


def of(statement: str) -> Build | None:
    return next(iter(builds(DATA + statement).found), None)


@pytest.mark.parametrize(
    ("statement", "alone", "plain"),
    [
        ("CREATE INDEX i ON public.t USING btree (a);", False, True),
        ("CREATE UNIQUE INDEX i ON public.t USING btree (a DESC) INCLUDE (b) WITH (fillfactor='70');", False, True),
        ('CREATE INDEX "on" ON t (a, b COLLATE "C" text_pattern_ops);', False, True),
        ("CREATE INDEX i ON public.t USING btree (lower(b));", False, False),
        ("CREATE INDEX i ON public.t USING btree (a) WHERE (a > 1);", False, False),
        ("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (a, b);", True, True),
        ("ALTER TABLE ONLY public.t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a);", True, True),
        ("ALTER TABLE ONLY public.t ADD CONSTRAINT e EXCLUDE USING gist (a WITH =);", True, True),
        ("ALTER TABLE ONLY public.t ADD CONSTRAINT e EXCLUDE USING gist (f(a) WITH =);", True, False),
    ],
)  # fmt: skip
def test_indexes_and_keys_of_a_filled_table_are_builds(statement, alone, plain):
    build = of(statement)
    assert build is not None
    assert (build.table, build.line, build.alone, build.plain) == ("public.t", 4, alone, plain)
    assert build.sql == statement.encode().removesuffix(b";")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX i ON ONLY public.t USING btree (a);",
        "CREATE INDEX i ON public.other USING btree (a);",
        "CREATE INDEX CONCURRENTLY i ON public.t (a);",
        "ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.p(a);",
        "ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK ((a > 0));",
        "ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY USING INDEX i;",
        "ALTER TABLE public.t ADD CONSTRAINT k UNIQUE (a), DROP COLUMN b;",
        "CREATE TABLE public.n (a int);",
        "SET ROLE x;\nCREATE INDEX i ON public.t (a);",
        "SET LOCAL search_path = x;\nCREATE INDEX i ON t (a);",
        "RESET ALL;\nCREATE INDEX i ON t (a);",
    ],
)
def test_no_other_statement_is_a_build(statement):
    assert of(statement) is None


def test_what_stands_before_its_tables_rows_is_no_build():
    assert builds("CREATE INDEX i ON public.t (a);\n" + DATA).found == ()


def test_a_build_has_the_settings_that_stand_before_it():
    found = builds(
        "SELECT pg_catalog.set_config('search_path', '', false);\nSET default_tablespace = one;\n" + DATA
        + "CREATE INDEX i ON public.t (a);\nSET default_tablespace = two;\nCREATE INDEX j ON public.t (b);\n"
    ).found  # fmt: skip
    path = b"SELECT pg_catalog.set_config('search_path', '', false)"
    assert [said(build.settings) for build in found] == [
        (path, b"SET default_tablespace = one"),
        (path, b"SET default_tablespace = two"),
    ]
    assert [setting.names for setting in found[0].settings] == [("search_path",), ("default_tablespace",)]


def test_settings_stand_in_the_order_in_which_they_were_made_last():
    both = b"SELECT set_config('a', '1', false), set_config('b', '1', false)"
    found = builds(f"{both.decode()};\nSET a = 2;\n{DATA}CREATE INDEX i ON public.t (a);\n").found
    assert said(found[0].settings) == (both, b"SET a = 2")


def said(settings: tuple[Setting, ...]) -> tuple[bytes, ...]:
    return tuple(setting.sql for setting in settings)


def test_the_last_rows_of_each_table_are_known_by_their_line():
    assert builds(DATA + DATA).ends == {"public.t": 4}


def test_the_settings_before_a_tables_last_copy_are_known() -> None:
    found = builds(f"SET a = 1;\n{DATA}SET b = 2;\n{DATA}SET b = 3;\n{DATA.replace('public.t', 'public.u')}")
    assert {line: said(settings) for line, settings in found.copies.items()} == {
        6: (b"SET a = 1", b"SET b = 2"),
        10: (b"SET a = 1", b"SET b = 3"),
    }


def test_of_a_copy_behind_what_cannot_be_followed_nothing_is_known() -> None:
    assert builds(f"{DATA}SET LOCAL a = 1;\n{DATA.replace('public.t', 'public.u')}").copies == {1: ()}


def test_of_a_copy_behind_more_statements_than_are_kept_nothing_is_known(monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", 15)
    found = builds(f"SET a = 1;\n{DATA}SET b = 2;\n{DATA.replace('public.t', 'public.u')}")
    assert {line: said(settings) for line, settings in found.copies.items()} == {2: (b"SET a = 1",)}
