"""Digests that do not depend on the order of rows, nor on where the stream was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.table import DIALECTS
from python_backup.dump.unordered import UnorderedDigests

CELLS = st.text("a'(),\\\n;\t", max_size=6)
TABLES = st.lists(CELLS, min_size=1, max_size=8)


def digest(family: str, dump: bytes, size: int = 1 << 20, *, by_value: bool = False) -> str:
    dialect = DIALECTS[family]
    lexer = dialect.lexer()
    digests = UnorderedDigests(dialect.shapes(), frozenset({"public.t", "t"}), by_value)
    for at in range(0, len(dump), size):
        for piece in lexer.feed(dump[at : at + size]):
            digests.take(piece)
    for piece in lexer.finish():
        digests.take(piece)
    (found,) = digests.result().values()
    return found


def copied(rows: list[str]) -> bytes:
    escaped = (row.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") for row in rows)
    return ("COPY public.t (a) FROM stdin;\n" + "".join(f"{row}\n" for row in escaped) + "\\.\n").encode()


def inserted(rows: list[str], at_once: int) -> bytes:
    def value(row: str) -> str:
        return "('" + row.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "',1)"

    groups = (rows[at : at + at_once] for at in range(0, len(rows), at_once))
    head = "-- MySQL dump 10.13  Distrib 8.0.36\n"
    return (head + "".join(f"INSERT INTO `t` VALUES {','.join(map(value, g))};\n" for g in groups)).encode()


@given(TABLES, st.randoms(use_true_random=False), st.integers(1, 60))
def test_the_order_of_copied_rows_does_not_matter(rows: list[str], random: object, size: int) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert digest("postgresql", copied(mixed), size) == digest("postgresql", copied(rows))


@given(TABLES, st.randoms(use_true_random=False), st.integers(1, 60), st.integers(1, 4))
def test_neither_order_nor_statements_of_inserted_rows_matter(
    rows: list[str], random: object, size: int, at_once: int
) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert digest("mysql", inserted(mixed, at_once), size) == digest("mysql", inserted(rows, 100))


@given(TABLES, st.integers(0, 7))
def test_a_row_that_stands_twice_or_not_at_all_is_another_digest(rows: list[str], which: int) -> None:
    row = rows[which % len(rows)]
    assert digest("postgresql", copied([*rows, row])) != digest("postgresql", copied(rows))
    assert digest("mysql", inserted([*rows, row], 3)) != digest("mysql", inserted(rows, 3))


def test_other_tables_are_passed_over() -> None:
    digests = UnorderedDigests(DIALECTS["postgresql"].shapes(), frozenset({"public.other"}))
    for piece in DIALECTS["postgresql"].lexer().feed(copied(["a"])):
        digests.take(piece)
    assert digests.result() == {}


def inserted_as_standard(rows: list[str], at_once: int) -> bytes:
    """As ``pg_dump --rows-per-insert`` writes rows: a backslash is a letter like any other."""
    values = ["('" + row.replace("'", "''") + "', 1)" for row in rows]
    groups = (values[at : at + at_once] for at in range(0, len(values), at_once))
    return "".join("INSERT INTO public.t VALUES\n\t" + ",\n\t".join(g) + ";\n" for g in groups).encode()


@given(TABLES, st.randoms(use_true_random=False), st.integers(1, 60), st.integers(1, 4))
def test_a_backslash_escapes_nothing_where_strings_conform_to_the_standard(
    rows: list[str], random: object, size: int, at_once: int
) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert digest("postgresql", inserted_as_standard(mixed, at_once), size) == digest(
        "postgresql", inserted_as_standard(rows, 100)
    )


@given(TABLES, st.integers(1, 60))
def test_what_rows_hold_is_the_same_however_they_are_written(rows: list[str], size: int) -> None:
    made = b"CREATE TABLE public.t (a text, b int);\n"
    escaped = (row.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") for row in rows)
    lines = "".join(f"1\t{row}\n" for row in escaped)
    copy = made + f"COPY public.t (b, a) FROM stdin;\n{lines}\\.\n".encode()
    inserts = made + inserted_as_standard(rows, 3)
    assert digest("postgresql", inserts, size, by_value=True) == digest("postgresql", copy, by_value=True)


def test_another_value_is_another_digest_however_it_is_written() -> None:
    made = b"CREATE TABLE public.t (a text, b int);\n"
    written = {
        digest("postgresql", made + rows, by_value=True)
        for rows in (
            b"COPY public.t (a, b) FROM stdin;\n\\N\t1\n\\.\n",
            b"INSERT INTO public.t VALUES ('', 1);\n",
            b"INSERT INTO public.t VALUES ('1', NULL);\n",
            b"INSERT INTO public.t (a) VALUES ('1');\n",
            b"INSERT INTO public.t VALUES ('NULL', 1);\n",
        )
    }
    assert len(written) == 5
