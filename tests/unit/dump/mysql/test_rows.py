"""The data of INSERT statements: any bytes as mysqldump escapes them, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_backup.dump.facts import FactsCounter
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.piece import DataBegin, DataEnd, Piece, Rows
from python_backup.model import TableFacts

HEADER = b"-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)\n"
ESCAPES = {0: b"\\0", 10: b"\\n", 13: b"\\r", 26: b"\\Z", 34: b'\\"', 39: b"\\'", 92: b"\\\\"}


def escaped(value: bytes) -> bytes:
    """A string as mysql_real_escape_string and mysqldump write it."""
    return b"'" + b"".join(ESCAPES.get(c, bytes((c,))) for c in value) + b"'"


def doubled(value: bytes) -> bytes:
    """The same string as other tools write it: raw newlines, quotes doubled."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


TEXTS = st.one_of(
    st.binary(max_size=12),
    st.lists(
        st.sampled_from(
            [
                b"'",
                b"\\",
                b"),(",
                b"(",
                b")",
                b";",
                b"\n",
                b",",
                b"\x1a",
                b"--",
                b"a",
                b"n",
                b"\r",
                b"/*",
                b'"',
                b"Z",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)
VALUES = st.one_of(TEXTS, st.integers(-9, 10**9), st.none())
ROWS = st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=12)


def row(values: Iterable[bytes | int | None], string=escaped) -> bytes:
    words = (b"NULL" if v is None else b"%d" % v if isinstance(v, int) else string(v) for v in values)
    return b"(" + b",".join(words) + b")"


def statements(rows: list[bytes], length: int, head: bytes, between: bytes) -> bytes:
    groups = [rows[i : i + length] for i in range(0, len(rows), length)]
    return b"".join(head + between.join(group) + b";\n" for group in groups)


def pieces_of(dump: bytes, cuts: list[int]) -> list[Piece]:
    lexer = MysqlLexer()
    places = [0, *sorted({c % (len(dump) + 1) for c in cuts}), len(dump)]
    found: list[Piece] = []
    for begin, end in pairwise(places):
        if end > begin:
            found += lexer.feed(dump[begin:end])
    return found + list(lexer.finish())


def table_of(pieces: Iterable[Piece]) -> TableFacts:
    counter = FactsCounter(lambda _: ())
    for piece in pieces:
        counter.take(piece)
    (table,) = counter.result().tables
    return table


CUTS = st.lists(st.integers(0, 10**6), max_size=40)
LENGTHS = st.integers(1, 12)


@settings(max_examples=150)
@given(rows=ROWS, length=LENGTHS, other=LENGTHS, cuts=CUTS)
def test_any_rows_in_any_layout_and_cut_anywhere_give_identity_exact_counts_and_one_digest(
    rows, length, other, cuts
):
    texts = [row(values) for values in rows]
    one_line = HEADER + statements(texts, length, b"INSERT INTO `t` VALUES ", b",")
    row_a_line = HEADER + statements(texts, other, b"INSERT INTO `t` VALUES\n", b",\n")
    named = HEADER + statements(texts, other, b"INSERT INTO `t` (`a`, `b)`) VALUES ", b",\n")
    foreign = statements(texts, other, b"insert into t values", b" ,\n  ")
    expected = table_of(pieces_of(one_line, []))
    assert expected.rows == len(rows)
    for dump in (one_line, row_a_line, named, foreign):
        pieces = pieces_of(dump, cuts)
        assert b"".join(p.text for p in pieces) == dump
        assert sum(p.count for p in pieces if isinstance(p, Rows)) == len(rows)
        table = table_of(pieces)
        assert (table.rows, table.digest) == (expected.rows, expected.digest)


@settings(max_examples=100)
@given(rows=ROWS, length=LENGTHS, cuts=CUTS)
def test_strings_with_raw_newlines_and_doubled_quotes_are_read_exactly_without_mysqldumps_header(
    rows, length, cuts
):
    texts = [row(values, doubled) for values in rows]
    dump = statements(texts, length, b"INSERT INTO t (a, b) VALUES\n  ", b",\n  ")
    pieces = pieces_of(dump, cuts)
    assert b"".join(p.text for p in pieces) == dump
    assert table_of(pieces).rows == len(rows)
    assert b"".join(p.canonical for p in pieces if isinstance(p, Rows)) == b"".join(
        b",".join(texts[i : i + length]) for i in range(0, len(texts), length)
    )


@settings(max_examples=100)
@given(rows=ROWS, cuts=CUTS)
def test_lines_are_exact_wherever_the_stream_is_cut(rows, cuts):
    dump = HEADER + statements([row(v) for v in rows], 3, b"INSERT INTO `t` VALUES\n", b",\n")
    dump += statements([row(v) for v in rows], 3, b"INSERT INTO `t` VALUES ", b",")
    line = 1
    for piece in pieces_of(dump, cuts):
        assert piece.line == line
        line += piece.text.count(b"\n")


def test_a_value_larger_than_a_block_passes_in_pieces():
    value = escaped(b"\\'),(" * 100_000)
    dump = HEADER + b"INSERT INTO `t` VALUES (1," + value + b"),(2,'b');\n"
    pieces = pieces_of(dump, list(range(0, len(dump), 65536)))
    assert max(len(p.text) for p in pieces) <= 65536 + 8
    assert table_of(pieces).rows == 2


@pytest.mark.parametrize(
    ("dump", "rows"),
    [
        (b"INSERT INTO t VALUES (1,'a''b'), -- one\n(2,\"c),(\") /* two */, # three ;\n(3,'x');\n", 3),
        (b"INSERT INTO t VALUES (1,ST_GeomFromText('POINT(1 2)',(4326))), (now(), -1 - 1);\n", 2),
        (b"INSERT INTO t VALUES ((((1)))),(2);\n", 2),
        (b"INSERT INTO t VALUES (N'a\n;\nb'),\n(_utf8'c'),(X'00'),(b'1');\n", 4),
        (b"INSERT INTO t VALUES (1),(2) ON DUPLICATE KEY UPDATE a=VALUES(a);\n", None),
        (b"INSERT INTO t SELECT * FROM u;\n", None),
        (b"insert t set a=1;\n", None),
        (b"INSERT INTO t VALUES ();\n", 1),
        (b"REPLACE INTO t VALUES (1);\n", 1),
        (b"INSERT  IGNORE INTO t VALUES (1),(2);\n", 2),
        (b"INSERT INTO t VALUES(1)\n,(2)\n,(3)\n;\n", 3),
        (b"INSERT INTO t VALUES (1),(2);", 2),
        (b"INSERT INTO t VALUES (1),(2); \r\n", 2),
        (b"DELIMITER //\nINSERT INTO t VALUES (1/2,';'),(2)//\n", 2),
        (b"INSERT INTO d.t (`a``)`, b) VALUE (1),(2);\n", 2),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_other_tools_inserts_are_counted_exactly_or_not_at_all(dump, rows, size):
    pieces = pieces_of(dump, list(range(0, len(dump), size)))
    assert b"".join(p.text for p in pieces) == dump
    assert [p.rows for p in pieces if isinstance(p, DataEnd)] == [rows]
    assert [p.table for p in pieces if isinstance(p, DataBegin)] == ["t"]


def test_backslashes_are_plain_under_no_backslash_escapes_even_in_mysqldumps_own_text():
    dump = HEADER + b"SET sql_mode='NO_BACKSLASH_ESCAPES';\nINSERT INTO `t` VALUES ('c:\\'),('d');\n"
    assert table_of(pieces_of(dump, [])).rows == 2


def test_double_quotes_hold_names_under_ansi_quotes():
    dump = b"SET sql_mode='ANSI_QUOTES';\nINSERT INTO \"t\" (\"a\\\") VALUES ('c'),('d');\n"
    assert table_of(pieces_of(dump, [])).rows == 2


@pytest.mark.parametrize("cut", range(60, 110))
def test_a_backslash_before_a_byte_that_could_begin_a_character_escapes_that_byte(cut):
    value = b"'\\\xc2\\\xc3\\\xf4\\\\\\\xc5\\\\'"  # binary data as MySQL 9.7's mysqldump writes it
    dump = HEADER + b"INSERT INTO `t` VALUES (1," + value + b"),(2,'),('),(3," + value + b");\n"
    assert table_of(pieces_of(dump, [0, cut])).rows == 3
