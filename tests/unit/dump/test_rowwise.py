"""Rows cut one by one, wherever the stream was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.piece import DataBegin, DataEnd, Rows, Statement
from python_backup.dump.rowwise import RowCutter, RowForm
from python_backup.dump.table import DIALECTS

CELLS = st.text("a'\"`eE(),\\\n;\t", max_size=6)
TABLES = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)
MYSQL = "-- MySQL dump 10.13  Distrib 8.0.36\n"


def read(family: str, dump: str, size: int = 1 << 20) -> list[list[bytes]]:
    """Every row's values of one dump, fed in blocks of so many bytes."""
    lexer, shapes = DIALECTS[family].lexer(), DIALECTS[family].shapes()
    found: list[list[bytes]] = []
    content = dump.encode()
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    cutter: RowCutter | None = None
    for pieces in (*map(lexer.feed, blocks), lexer.finish()):
        for piece in pieces:
            if isinstance(piece, Statement):
                shapes.take(piece)
            elif isinstance(piece, DataBegin):
                cutter = RowCutter(shapes.form(piece))
            elif isinstance(piece, Rows):
                assert cutter is not None
                found += map(cutter.form.values, cutter.take(piece.canonical))
            elif isinstance(piece, DataEnd):
                assert cutter is not None
                assert cutter.rest() == b""
    return found


def mysql(cell: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ("'", "\\'"), ('"', '\\"'), ("\n", "\\n")):
        cell = cell.replace(plain, escaped)
    return f"'{cell}'"


def standard(cell: str) -> str:
    return "'" + cell.replace("'", "''") + "'"


def prefixed(cell: str) -> str:
    return "E'" + cell.replace("\\", "\\\\").replace("'", "''") + "'"


def copied(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


@given(TABLES, st.integers(1, 40), st.sampled_from([MYSQL, "SET sql_mode='';\n"]))
def test_rows_of_mysql_are_cut_wherever_their_stream_was(
    table: list[tuple[str, str]], size: int, head: str
) -> None:
    rows = [[mysql(a), "-1.5", mysql(b)] for a, b in table]
    dump = head + "INSERT INTO `t` VALUES " + ",".join("(" + ",".join(row) + ")" for row in rows) + ";\n"
    assert read("mysql", dump, size) == [[value.encode() for value in row] for row in rows]


@pytest.mark.parametrize("written", [standard, prefixed])
@given(table=TABLES, size=st.integers(1, 40))
def test_rows_of_postgresql_are_cut_wherever_their_stream_was(
    written: object, table: list[tuple[str, str]], size: int
) -> None:
    assert callable(written)
    rows = [[written(a), "true", written(b)] for a, b in table]
    dump = (
        "INSERT INTO public.t VALUES\n\t" + ",\n\t".join("(" + ", ".join(row) + ")" for row in rows) + ";\n"
    )
    assert read("postgresql", dump, size) == [[value.encode() for value in row] for row in rows]


@given(TABLES, st.integers(1, 40))
def test_copied_rows_are_cut_wherever_their_stream_was(table: list[tuple[str, str]], size: int) -> None:
    rows = [[copied(a), r"\N", copied(b)] for a, b in table]
    dump = "COPY public.t (a, n, b) FROM stdin;\n" + "".join("\t".join(row) + "\n" for row in rows) + "\\.\n"
    assert read("postgresql", dump, size) == [[value.encode() for value in row] for row in rows]


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("(1,f(2,(3)),'')", ["1", "f(2,(3))", "''"]),
        ("(_binary 'a\\'b',0xFF,NULL)", ["_binary 'a\\'b'", "0xFF", "NULL"]),
        ("(((1)),2)", ["((1))", "2"]),
        ("()", []),
    ],
)
def test_rare_values_are_values(row: str, values: list[str]) -> None:
    assert read("mysql", f"INSERT INTO t VALUES {row},{row};\n") == [[v.encode() for v in values]] * 2


def shaped(family: str, dump: str, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the dump's shapes say of the columns that a bare INSERT fills, and of the key."""
    lexer, shapes = DIALECTS[family].lexer(), DIALECTS[family].shapes()
    begun: DataBegin | None = None
    columns: tuple[str, ...] = ()
    for piece in (*lexer.feed(dump.encode()), *lexer.finish()):
        if isinstance(piece, Statement):
            shapes.take(piece)
        elif isinstance(piece, DataBegin):
            begun = piece
            columns = shapes.form(piece).columns
    assert begun is not None
    return columns, shapes.key(table)


@pytest.mark.parametrize(
    ("dump", "shape"),
    [
        ("CREATE TABLE `t` (`a` int, b int, PRIMARY KEY (`b`,`a`));", (("a", "b"), ("b", "a"))),
        ("CREATE TABLE t (a int primary key, b int unique);", (("a", "b"), ("a",))),
        ("CREATE TABLE t (a int, b int);\nALTER TABLE t DISABLE KEYS;", (("a", "b"), ())),
        ("CREATE TABLE t (a int);\nALTER TABLE t ADD PRIMARY KEY (a), ADD b int;", ((), ("a",))),
    ],
)
def test_mysql_tables_have_columns_and_a_key(dump: str, shape: tuple[object, object]) -> None:
    assert shaped("mysql", f"{dump}\nINSERT INTO t VALUES (1,2);\n", "t") == shape


@pytest.mark.parametrize(
    ("dump", "after", "shape"),
    [
        ('CREATE TABLE public.t (a int, "B" int);', 'ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY ("B", a);',
         (("a", "B"), ("B", "a"))),
        ("CREATE TABLE t (a int PRIMARY KEY, b numeric(4,2));", "", (("a", "b"), ("a",))),
        ("CREATE TABLE t (a int, PRIMARY KEY (a)) INHERITS (u);", "", ((), ("a",))),
        ("CREATE TABLE t (a int, b int);", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a);", (("a", "b"), ())),
    ],
)  # fmt: skip
def test_postgresql_tables_have_columns_and_a_key(
    dump: str, after: str, shape: tuple[object, object]
) -> None:
    assert shaped("postgresql", f"{dump}\nINSERT INTO t VALUES (1,2);\n{after}\n", "public.t") == shape


def test_a_list_of_columns_is_what_the_rows_fill() -> None:
    table = "CREATE TABLE t (a int, b int, c int);\n"
    assert shaped("mysql", f"{table}INSERT INTO t (`c`,a) VALUES (1,2);\n", "t")[0] == ("c", "a")
    copied = f'{table}COPY public.t ("c", a) FROM stdin;\n1\t2\n\\.\n'
    assert shaped("postgresql", copied, "public.t")[0] == ("c", "a")


@pytest.mark.parametrize("copy", [True, False])
@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=9), size=st.integers(1, 30))
def test_rows_without_a_value_for_each_column_are_never_passed_over(
    counts: list[int], size: int, *, copy: bool
) -> None:
    if copy:
        text = b"".join(b"\t".join([b"a"] * count) + b"\n" for count in counts)
    else:
        text = b",".join(b"(" + b",".join([b"'(,'"] * count) + b")" for count in counts)
    cutter = RowCutter(RowForm(copy, ("a", "b")), odd=True)
    seen = [row for at in range(0, len(text), size) for row in cutter.take(text[at : at + size])]
    assert cutter.rest() == b""
    odd = [count for row in seen if (count := len(cutter.form.values(row))) != 2]
    assert odd == [count for count in counts if count != 2]


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize(("copy", "row"), [(True, b"%s\tb\n"), (False, b"(%s,'b'),")])
def test_rows_that_are_too_long_are_counted_and_not_held(size: int, row: bytes, *, copy: bool) -> None:
    cutter = RowCutter(RowForm(copy, ("a", "b")), most=100)
    values = [b"1", b"2" * 1000, b"3", b"4" * 1000, b"5"]
    text = b"".join(row % value for value in values)
    found, held = [], 0
    for at in range(0, len(text), size):
        found += cutter.take(text[at : at + size])
        held = max(held, sum(map(len, cutter._row)))
    assert [cutter.form.values(one)[0] for one in found] == [b"1", b"3", b"5"]
    assert (cutter.longer, held <= 100 + size, cutter.rest()) == (2, True, b"")


def test_the_end_amid_a_row_that_is_too_long_is_seen() -> None:
    cutter = RowCutter(RowForm(copy=True, columns=("a", "b")), most=10)
    assert list(cutter.take(b"1" * 100)) == []
    assert cutter.rest() != b""
