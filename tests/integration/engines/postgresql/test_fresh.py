"""Tables that a load made itself get their rows frozen and in the dump's order; others get them as ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from python_backup.dump.changes import Changes
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.jobs.reading import pieces_of
from support import databases

COPY = "COPY public.t (a) FROM stdin;\n1\n2\n\\.\n"
INDEX = "CREATE INDEX i ON public.t (a);\n"
OTHER = (
    "CREATE TABLE public.u (a int);\n",
    "COPY public.u (a) FROM stdin;\n1\n\\.\n",
    "CREATE INDEX j ON public.u (a);\n",
)
"""Filled first, and given an index beside: so the transaction that made the tables ends before the others' rows."""


def pieces(text: str):
    return pieces_of([text.encode()], ENGINE.dialect.lexer())


def load(server, database: str, text: str, *, jobs: int) -> None:
    reader = ENGINE.dialect.builds()
    for piece in pieces(text):
        reader.take(piece)
    found = reader.read(ENGINE.dialect.rewriter(None, server.target(database), Changes()))
    server.load(database, pieces(text), complete=True, builds=replace(found, jobs=jobs))


def frozen(running, database: str, table: str) -> bool:
    """Whether the table has a map of what all may see, which nothing but frozen rows leaves at once."""
    return bool(databases.scalar(running, database, f"SELECT pg_relation_size('{table}', 'vm')"))


def counted(running, database: str, table: str = "public.t") -> int:
    return int(databases.scalar(running, database, f"SELECT count(*) FROM {table}"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_come_frozen_into_a_table_that_the_load_made(server, filled, postgresql_server, jobs):
    database = filled()
    made, rows, index = OTHER
    load(server, database, made + "CREATE TABLE public.t (a int);\n" + rows + COPY + index + INDEX, jobs=jobs)
    assert counted(postgresql_server, database) == 2
    if int(server.version.split(".")[0]) >= 14:  # before, COPY FREEZE left the map to VACUUM
        assert frozen(postgresql_server, database, "public.u")
        assert frozen(postgresql_server, database, "public.t")


def test_rows_of_many_lengths_stay_in_the_dumps_order(server, filled, postgresql_server):
    database = filled()
    made, rows, index = OTHER
    data = "".join(f"{n}\t{'x' * (n * 7919 % 1900)}\n" for n in range(6000))
    load(
        server, database,
        made + "CREATE TABLE public.t (a int, b text);\nALTER TABLE public.t ALTER b SET STORAGE PLAIN;\n"
        + rows + f"COPY public.t (a, b) FROM stdin;\n{data}\\.\n" + index + INDEX,
        jobs=2,
    )  # fmt: skip
    found = databases.rows(postgresql_server, database, "SELECT a FROM public.t")
    assert [n for (n,) in found] == list(range(6000))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    "between",
    [
        pytest.param("INSERT INTO public.t VALUES (7);\n", id="rows of an INSERT before them"),
        pytest.param("SELECT public.fill();\n", id="rows that a function makes"),
        pytest.param(
            "CREATE TABLE public.r (a int REFERENCES public.t (k));\n", id="another table that refers to it"
        ),
        pytest.param("DECLARE c CURSOR FOR SELECT 1;\n", id="a cursor that is open"),
        pytest.param("SAVEPOINT s;\n", id="a transaction within"),
    ],
)
def test_rows_stay_beside_whatever_else_a_dump_does(server, filled, postgresql_server, jobs, between):
    database = filled()
    made, rows, index = OTHER
    load(
        server, database,
        made + "CREATE TABLE public.t (a int, k int GENERATED ALWAYS AS IDENTITY UNIQUE);\n"
        "CREATE FUNCTION public.fill() RETURNS void LANGUAGE sql AS 'INSERT INTO public.t VALUES (8)';\n"
        + rows + between + COPY + index + INDEX,
        jobs=jobs,
    )  # fmt: skip
    more = 1 if "INSERT" in between or "fill" in between else 0
    assert counted(postgresql_server, database) == 2 + more


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_for_a_table_that_was_there_before_join_those_that_it_has(
    server, filled, postgresql_server, jobs
):
    database = filled("CREATE TABLE public.t (a int)", "INSERT INTO public.t VALUES (9)")
    made, rows, index = OTHER
    text = made + "CREATE TABLE IF NOT EXISTS public.t (a int);\n" + rows + COPY + index + INDEX
    load(server, database, text, jobs=jobs)
    assert counted(postgresql_server, database) == 3
    assert not frozen(postgresql_server, database, "public.t")


def test_rows_of_two_copies_are_all_there(server, filled, postgresql_server):
    database = filled()
    made, rows, index = OTHER
    load(
        server,
        database,
        made + "CREATE TABLE public.t (a int);\n" + COPY + rows + COPY + index + INDEX,
        jobs=2,
    )
    assert counted(postgresql_server, database) == 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_given_to_a_partitioned_table_reach_its_partitions(server, filled, postgresql_server, jobs):
    database = filled()
    made, rows, index = OTHER
    load(
        server, database,
        made + "CREATE TABLE public.t (a int) PARTITION BY RANGE (a);\nCREATE TABLE public.p (a int);\n"
        "ALTER TABLE ONLY public.t ATTACH PARTITION public.p FOR VALUES FROM (0) TO (9);\n" + rows + COPY + index
        + INDEX,
        jobs=jobs,
    )  # fmt: skip
    assert counted(postgresql_server, database, "public.p") == 2


@pytest.mark.parametrize("name", ["a%b", 'a"b', "a;b", "partition", "As", "ünï"])
def test_tables_of_any_name_are_taken_for_what_they_are(server, filled, postgresql_server, name):
    database = filled()
    made, rows, index = OTHER
    table = 'public."' + name.replace('"', '""') + '"'
    load(
        server, database,
        made + f"CREATE UNLOGGED TABLE {table} (a int);\n" + rows + f"COPY {table} (a) FROM stdin;\n1\n\\.\n" + index,
        jobs=2,
    )  # fmt: skip
    assert counted(postgresql_server, database, table) == 1
