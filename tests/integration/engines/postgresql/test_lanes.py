"""Indexes and keys made beside the loading of rows: the same database, and errors as exact, as in one row."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.piece import DataBegin
from python_backup.engines.postgresql import load as load_module
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.engines.postgresql.lanes import Lanes
from python_backup.errors import ArtifactCorrupt, BackupError, StatementFailed
from python_backup.jobs.reading import pieces_of
from support import databases

TABLES = "CREATE TABLE public.t (a int, b text);\nCREATE TABLE public.u (a int);\n"
ROWS = "COPY public.t (a, b) FROM stdin;\n1\tx\n2\ty\n\\.\nCOPY public.u (a) FROM stdin;\n1\n1\n\\.\n"


def pieces(text: str):
    return pieces_of([text.encode()], ENGINE.dialect.lexer())


def load(server, database: str, text: str, *, jobs: int = 2, read: str | None = None) -> None:
    reader = ENGINE.dialect.builds()
    for piece in pieces(read or text):
        reader.take(piece)
    found = reader.read(ENGINE.dialect.rewriter(None, server.target(database), Changes()))
    server.load(database, pieces(text), complete=True, builds=replace(found, jobs=jobs))


def refused(server, database: str, text: str) -> BackupError:
    with pytest.raises(BackupError) as caught:
        load(server, database, text)
    return caught.value


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_what_is_made_beside_is_what_the_dump_says(server, filled, jobs):
    database = filled()
    load(
        server, database,
        TABLES + ROWS
        + "ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (a);\n"
        "CREATE INDEX i ON public.t (b);\nCREATE INDEX j ON public.u (a);\nCREATE INDEX k ON public.t ((a + 1));\n"
        "COMMENT ON INDEX public.i IS 'words';\n"
        "ALTER TABLE ONLY public.u ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.t(a);\n",
        jobs=jobs,
    )  # fmt: skip
    objects = server.objects(database)
    assert {name for kind in ("indexes", "constraints") for name in objects[kind]} == {
        "public.i", "public.j", "public.k", "public.t.t_pkey", "public.u.f"
    }  # fmt: skip
    assert server.counts(database) == {"public.t": 2, "public.u": 2}


def test_rows_in_inserts_are_there_before_what_is_made_of_them(server, filled):
    database = filled()
    load(
        server, database,
        TABLES + "INSERT INTO public.t VALUES (1, 'x');\nINSERT INTO public.t VALUES (2, 'y');\n"
        "CREATE UNIQUE INDEX i ON public.t (a);\n",
    )  # fmt: skip
    assert server.objects(database)["indexes"] == ("public.i",)


def test_a_key_that_the_rows_break_is_named_with_its_line_and_code(server, filled):
    error = refused(
        server, filled(), TABLES + ROWS + "ALTER TABLE ONLY public.u\n  ADD CONSTRAINT p PRIMARY KEY (a);\n"
    )
    assert isinstance(error, StatementFailed)
    assert error.message == (
        "line 11: ALTER TABLE ONLY public.u ADD CONSTRAINT p PRIMARY KEY (a):"
        ' could not create unique index "p" (SQLSTATE 23505)'
    )


def test_a_failure_ends_what_is_made_beside_it(server, filled):
    database = filled()
    begun = time.monotonic()
    error = refused(
        server, database,
        "CREATE FUNCTION public.slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(60); RETURN 1; END';\n"
        + TABLES + ROWS
        + "CREATE INDEX i ON public.t (public.slow(a));\nCREATE UNIQUE INDEX j ON public.u (a);\n"
        "CREATE VIEW public.v AS SELECT nothing;\n",
    )  # fmt: skip
    assert "could not create unique index" in error.message
    assert time.monotonic() - begun < 30


def test_an_expression_sees_the_rows_of_every_table(server, filled, postgresql_server):
    database = filled()
    load(
        server, database,
        TABLES
        + "CREATE FUNCTION public.f(int) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN (SELECT count(*) FROM public.u) + $1; END';\n"
        + ROWS + "CREATE INDEX i ON public.t (public.f(a));\n",
    )  # fmt: skip
    asked = "SET enable_seqscan TO off", "SELECT a FROM t WHERE public.f(a) = 4"
    with closing(databases.connection(postgresql_server, database)) as link:
        link.execute(asked[0])
        assert link.execute(asked[1]).fetchall() == [(2,)]


def test_a_dump_that_is_not_the_one_that_was_examined_is_refused(server, filled):
    text = TABLES + ROWS + "CREATE INDEX i ON public.t (a);\n"
    with pytest.raises(ArtifactCorrupt, match="line 11 is not what it was"):
        load(server, filled(), text.replace("(a);\n", "(b);\n").replace("u (b)", "u (a)"), read=text)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose rows lanes were given; few of them are enough here."""
    tables: list[str] = []
    fill = Lanes.fill

    def told(lanes: Lanes, begin: DataBegin, *rest: Any) -> None:
        tables.append(begin.table)
        fill(lanes, begin, *rest)

    monkeypatch.setattr(load_module, "FEW", 1)
    monkeypatch.setattr(Lanes, "fill", told)
    return tables


def copy(table: str, *rows: str) -> str:
    return f"COPY public.{table} (a) FROM stdin;\n" + "".join(f"{row}\n" for row in rows) + "\\.\n"


def test_rows_of_small_tables_come_side_by_side_in_their_order(server, filled, given, postgresql_server):
    names = [f"t{number}" for number in range(12)]
    text = "".join(f"CREATE TABLE public.{name} (a int);\n" for name in names)
    text += "".join(copy(name, "3", "1", "2") for name in names)
    text += "".join(f"CREATE INDEX i_{name} ON public.{name} (a);\n" for name in names)
    database = filled()
    load(server, database, text, jobs=3)
    assert given[:2] == ["public.t0", "public.t1"]  # others come as lanes are free
    for name in names:
        assert databases.rows(postgresql_server, database, f"SELECT a FROM {name}") == [(3,), (1,), (2,)]
    assert len(server.objects(database)["indexes"]) == len(names)


def test_a_table_that_a_key_ties_to_another_waits_for_it(server, filled, given, monkeypatch):
    begun = Lanes._do

    def slow(lanes: Lanes, *rest: Any) -> None:
        time.sleep(0.3)
        begun(lanes, *rest)

    monkeypatch.setattr(Lanes, "_do", slow)
    database = filled()
    load(
        server, database,
        "CREATE TABLE public.p (a int PRIMARY KEY);\nCREATE TABLE public.u (a int);\n"
        "CREATE TABLE public.c (a int REFERENCES public.p);\n"
        + copy("u", "1") + copy("p", "1", "2") + copy("c", "2", "1")
        + "CREATE INDEX i ON public.u (a);\n",
    )  # fmt: skip
    assert given == ["public.u"]  # a foreign key makes triggers of both
    assert server.counts(database) == {"public.c": 2, "public.p": 2, "public.u": 1}


def test_a_table_that_can_be_given_is_in_before_one_that_refers_to_it(server, filled, given):
    database = filled()
    load(
        server, database,
        "CREATE TABLE public.u (a int);\nCREATE TABLE public.c (a int);\n"
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NOT EXISTS (SELECT FROM public.u) THEN RAISE ''too soon''; END IF; RETURN new; END';\n"
        "CREATE TRIGGER g BEFORE INSERT ON public.c FOR EACH ROW EXECUTE FUNCTION public.f();\n"
        + copy("u", "1") + copy("c", "2") + "CREATE INDEX i ON public.u (a);\n",
    )  # fmt: skip
    assert (given, server.counts(database)) == (["public.u"], {"public.c": 1, "public.u": 1})


def test_a_row_that_a_lane_cannot_load_is_named_by_its_line(server, filled, given):
    error = refused(
        server, filled(),
        TABLES + copy("u", "1", "x", "3") + "CREATE INDEX i ON public.u (a);\n",
    )  # fmt: skip
    assert given == ["public.u"]
    assert error.message.startswith(
        "line 5: COPY public.u (a) FROM stdin: invalid input syntax for type integer"
    )
    assert '"x"' not in error.message


def test_rows_are_read_under_the_settings_that_stand_before_them(server, filled, given, postgresql_server):
    database = filled()
    load(
        server, database,
        "CREATE TABLE public.d (a date);\nCREATE TABLE public.e (a date);\n"
        "SET datestyle TO 'ISO, DMY';\n" + copy("d", "02/03/2026")
        + "SET datestyle TO 'ISO, MDY';\n" + copy("e", "02/03/2026")
        + "CREATE INDEX i ON public.d (a);\n",
        jobs=3,
    )  # fmt: skip
    assert given == ["public.d", "public.e"]
    asked = "SELECT d.a::text, e.a::text FROM d, e"
    assert databases.rows(postgresql_server, database, asked) == [("2026-03-02", "2026-02-03")]


def test_rows_that_are_too_many_to_hold_or_too_few_are_the_loaders_own(server, filled, given, monkeypatch):
    monkeypatch.setattr(load_module, "FEW", 500)
    monkeypatch.setattr(load_module, "MANY", 4000)
    database = filled()
    load(
        server, database,
        "".join(f"CREATE TABLE public.{name} (a int);\n" for name in "tuv")
        + copy("t", "1") + copy("u", *map(str, range(2000))) + copy("v", *map(str, range(100)))
        + "CREATE INDEX i ON public.u (a);\nCREATE INDEX j ON public.v (a);\n",
        jobs=3,
    )  # fmt: skip
    assert given == ["public.v"]
    assert server.counts(database) == {"public.t": 1, "public.u": 2000, "public.v": 100}
