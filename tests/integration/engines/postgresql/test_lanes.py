"""Indexes and keys made beside the loading of rows: the same database, and errors as exact, as in one row."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import pytest

from python_backup.dump.changes import Changes
from python_backup.engines.postgresql.engine import ENGINE
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
