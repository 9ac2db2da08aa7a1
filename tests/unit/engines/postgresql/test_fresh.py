"""Which tables may take frozen rows, from a load's statements alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from python_backup.dump.piece import DataBegin
from python_backup.engines.postgresql.fresh import Fresh


def copy(table: str = "public.t") -> DataBegin:
    sql = f"COPY {table} (a) FROM stdin".encode()
    return DataBegin(sql + b";\n", 1, sql, table, copy=True)


def after(*statements: bytes) -> Fresh:
    fresh = Fresh()
    for sql in statements:
        fresh.take(sql)
    return fresh


def sent(fresh: Fresh, begin: DataBegin) -> tuple[bytes | None, bool]:
    """What must be emptied, and whether the rows would come frozen if that is done."""
    name = fresh.fill(begin)
    if name is not None:
        fresh.emptied(begin)
    return name, fresh.frozen(begin).endswith(b" WITH (FREEZE)")


def test_a_table_made_in_the_same_transaction_needs_no_emptying():
    assert sent(after(b"CREATE TABLE public.t (a int)"), copy()) == (None, True)


def test_a_table_made_in_an_earlier_transaction_is_emptied_once():
    fresh = after(b"CREATE TABLE public.t (a int)")
    fresh.parted()
    assert sent(fresh, copy()) == (b"public.t", True)
    assert sent(fresh, copy()) == (None, True)
    fresh.parted()
    assert sent(fresh, copy()) == (None, False)


def test_a_table_that_nobody_else_fills_is_emptied_once():
    fresh = Fresh()
    assert sent(fresh, replace(copy(), lone=True)) == (b"public.t", True)
    assert sent(fresh, replace(copy(), lone=True)) == (None, True)
    assert sent(Fresh(), copy()) == (None, False)


def test_a_table_that_has_rows_when_the_transaction_ends_is_not_emptied():
    fresh = after(b"CREATE TABLE public.t (a int)")
    fresh.fill(copy())
    fresh.parted()
    assert sent(fresh, copy()) == (None, False)


def test_the_search_path_says_which_table_is_meant():
    fresh = after(b"SET search_path = s", b'CREATE UNLOGGED TABLE "T" (a int)')
    assert sent(fresh, copy("s.T")) == (None, True)
    assert sent(fresh, copy()) == (None, False)


@pytest.mark.parametrize(
    "made",
    [
        b"CREATE TABLE IF NOT EXISTS public.t (a int)",
        b"CREATE TABLE public.t (a int) PARTITION BY LIST (a)",
        b"CREATE TABLE public.t AS SELECT 1 AS a",
        b"CREATE FOREIGN TABLE public.t (a int) SERVER s",
        b"CREATE TEMPORARY TABLE t (a int)",
        b"CREATE VIEW public.t AS SELECT 1 AS a",
    ],
)
def test_what_may_have_rows_or_takes_none_is_left_alone(made):
    assert sent(after(made), copy()) == (None, False)


@pytest.mark.parametrize(
    ("other", "frozen"),
    [
        (b"SELECT pg_catalog.set_config('search_path', '', false)", True),
        (b"SELECT pg_catalog.lo_create('16400')", True),
        (b"ALTER TABLE public.t OWNER TO x", True),
        (b"SELECT pg_catalog.lo_open('16400', 131072)", False),
        (b"SELECT f()", False),
        (b"DECLARE c CURSOR FOR SELECT 1", False),
        (b"SAVEPOINT s", False),
        (b"DO $$BEGIN END$$", False),
    ],
)
def test_what_may_leave_a_cursor_or_a_transaction_open_ends_it(other, frozen):
    assert sent(after(b"CREATE TABLE public.t (a int)", other), copy()) == (None, frozen)


def test_a_copy_with_words_of_its_own_stays_as_it_is():
    fresh = after(b"CREATE TABLE public.t (a int)")
    begin = DataBegin(b"", 1, b"COPY public.t FROM stdin WITH (FORMAT csv)", "public.t", copy=True)
    assert sent(fresh, begin) == (None, False)
