"""Statements, comments and client commands, as the mysql client cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.piece import ClientCommand, Comment, DataBegin, DataEnd, Piece, Statement
from python_backup.errors import ArtifactCorrupt

TRIGGER = b"""/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `t1` BEFORE INSERT ON `b` FOR EACH ROW begin
  set new.n = 1; -- ';; not the end
  insert into a values (';;'); /* ;; */
end */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
"""
DUMP = (
    b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19-11.8.6-MariaDB\n--\n\n"
    b"/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE `a;b` (\n  `c` int COMMENT 'it''s; \\' x' -- ; c\n);\n"
    b"INSERT INTO `a;b` VALUES\n(1),\n(2);\n"
    + TRIGGER
    + b"# last ;\n\n-- Dump completed on 2026-11-21  0:06:40\n"
)


def lex(dump: bytes, cuts: list[int] | None = None) -> tuple[list[Piece], MysqlLexer]:
    lexer = MysqlLexer()
    found: list[Piece] = []
    for begin, end in pairwise([0, *sorted({c % (len(dump) + 1) for c in cuts or []}), len(dump)]):
        if end > begin:
            found += lexer.feed(dump[begin:end])
    return found + list(lexer.finish()), lexer


def sql(dump: bytes) -> list[bytes]:
    return [p.sql for p in lex(dump)[0] if isinstance(p, Statement)]


def test_a_dump_is_cut_into_its_statements_data_and_commands():
    pieces, lexer = lex(DUMP)
    assert [type(p).__name__ for p in pieces] == [
        "ClientCommand", "Comment", "Statement", "Statement", "DataBegin", "Rows", "DataEnd", "Statement",
        "ClientCommand", "Statement", "ClientCommand", "Statement", "Comment",
    ]  # fmt: skip
    assert [(p.command, p.argument) for p in pieces if isinstance(p, ClientCommand)] == [
        ("sandbox", b""),
        ("delimiter", b";;"),
        ("delimiter", b";"),
    ]
    assert sql(DUMP)[3].startswith(b"/*!50003 CREATE*/ /*!50017 DEFINER")
    assert sql(DUMP)[3].endswith(b"/* ;; */\nend */")
    assert lexer.complete


@settings(max_examples=150)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=60))
def test_cuts_change_nothing(cuts):
    whole, _ = lex(DUMP)
    pieces, lexer = lex(DUMP, cuts)
    assert b"".join(p.text for p in pieces) == DUMP
    assert [p for p in pieces if isinstance(p, Statement | ClientCommand | DataBegin)] == [
        p for p in whole if isinstance(p, Statement | ClientCommand | DataBegin)
    ]
    assert lexer.complete


@settings(max_examples=200)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                b"'",
                b'"',
                b"`",
                b"\\N",
                b";",
                b"\n",
                b"-- ",
                b"--",
                b"#",
                b"/*",
                b"*/",
                b"/*!50003 ",
                b"x",
                b" ",
                b"''",
                b"delimiter ;;\n",
                b"use d\n",
                b"insert into t values (1)",
                b"select ",
            ]
        ),
        max_size=20,
    ),
    cuts=st.lists(st.integers(0, 200), max_size=10),
)
def test_any_text_keeps_its_bytes_and_gives_the_same_statements_however_it_is_cut(parts, cuts):
    def outcome(places):
        try:
            pieces, _ = lex(dump, places)
        except ArtifactCorrupt:
            return None
        assert b"".join(p.text for p in pieces) == dump
        return [(p.line, p.text) for p in pieces if isinstance(p, Statement | ClientCommand | DataBegin)]

    dump = b"".join(parts)
    assert outcome(cuts) == outcome([])


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        (b"SELECT 'a;b', \"c;d\", `e;f`; SELECT 2;\n", [b"SELECT 'a;b', \"c;d\", `e;f`", b"SELECT 2"]),
        (b"SELECT 'a\\';b';\n", [b"SELECT 'a\\';b'"]),
        (b"SELECT `a\\`; SELECT 'it''s;';\n", [b"SELECT `a\\`", b"SELECT 'it''s;'"]),
        (b"SELECT 1 -- a;b\n;\n", [b"SELECT 1 -- a;b"]),
        (b"SELECT 1 --2;\n", [b"SELECT 1 --2"]),
        (b"SELECT 1 # a;b\n+ /* ; ' */ 1;\n", [b"SELECT 1 # a;b\n+ /* ; ' */ 1"]),
        (b"/* a; */ SELECT 1;;; SELECT 2;", [b"SELECT 1", b"SELECT 2"]),
        (b"/*!50001 CREATE VIEW v AS SELECT ';' */;\n", [b"/*!50001 CREATE VIEW v AS SELECT ';' */"]),
        (b"/*M!100616 SET NOTE_VERBOSITY=0 */;\n", [b"/*M!100616 SET NOTE_VERBOSITY=0 */"]),
        (
            b"DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END $$\nDELIMITER ;\nSELECT 2;\n",
            [b"CREATE PROCEDURE p() BEGIN SELECT 1; END", b"SELECT 2"],
        ),
        (b"use `a b`\nUSE c;\n", [b"use `a b`", b"USE c"]),
        (b"USE `a\nb`;\nSELECT 1;\n", [b"USE `a\nb`", b"SELECT 1"]),
        (b"SELECT 2*/* ; */3;\n", [b"SELECT 2*/* ; */3"]),
        (b"/*!50001 SELECT 1*/*2;\n", [b"/*!50001 SELECT 1*/*2"]),
        (b"SELECT \\N;\n", [b"SELECT \\N"]),
        (b"SELECT 1;\r\nSELECT 2;\r\n", [b"SELECT 1", b"SELECT 2"]),
    ],
)
def test_statements_end_at_their_delimiter_alone(dump, expected):
    assert sql(dump) == expected


def test_backslashes_are_plain_while_no_backslash_escapes_is_in_force():
    dump = (
        b"/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;\n/*!50003 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */ ;\n"
        b"SELECT 'c:\\';\n/*!50003 SET sql_mode              = @saved_sql_mode */ ;\nSELECT 'c:\\';';\n"
    )
    assert sql(dump)[2::2] == [b"SELECT 'c:\\'", b"SELECT 'c:\\';'"]


def test_double_quotes_hold_names_while_ansi_quotes_is_in_force():
    dump = b'SET sql_mode=\'ANSI_QUOTES\';\nSELECT "a\\";\nSET sql_mode=DEFAULT;\nSELECT "a\\";";\n'
    assert sql(dump)[1::2] == [b'SELECT "a\\"', b'SELECT "a\\";"']


@pytest.mark.parametrize(
    ("dump", "command", "argument"),
    [
        (b"\\! touch p\n", "!", b"touch p"),
        (b"SELECT 1 \\! touch p\n", "!", b"touch p"),
        (b"  system touch p\n", "system", b"touch p"),
        (b"SOURCE /etc/passwd;\n", "source", b"/etc/passwd;"),
        (b"\\. /etc/passwd\n", ".", b"/etc/passwd"),
        (b"\\T /tmp/x\n", "T", b"/tmp/x"),
        (b"tee /tmp/x", "tee", b"/tmp/x"),
        (b"SELECT 1; system touch p\n", "system", b"touch p"),
        (b"/*!50003 \\! touch p */;\n", "!", b"touch p */;"),
    ],
)
def test_a_command_for_the_client_is_no_statement(dump, command, argument):
    found = [p for p in lex(dump)[0] if isinstance(p, ClientCommand)]
    assert [(p.command, p.argument) for p in found] == [(command, argument)]


def test_a_command_in_a_string_or_a_comment_is_none():
    pieces, _ = lex(b"SELECT '\n\\! a\nsystem x\n';\n-- \\! b\n/*\nsource c\n*/\n")
    assert [type(p) for p in pieces] == [Statement, Comment]


@pytest.mark.parametrize(
    "dump",
    [
        b"INSERT INTO t VALUES (1),(2",
        b"INSERT INTO t VALUES (1),(2)",
        b"INSERT INTO t VALUES ('a;\n",
        b"-- MySQL dump 10.13  Distrib 9.7.4\nINSERT INTO `t` VALUES (1),\n(2),\n",
        b"SELECT 'a;\n",
        b"SELECT 1\n",
        b"/* a\n",
        b"DELIMITER ;;\nCREATE PROCEDURE p() SELECT 1;\n",
    ],
)
def test_a_stream_that_ends_inside_something_is_corrupt(dump):
    with pytest.raises(ArtifactCorrupt, match="the dump ends inside"):
        lex(dump)


@settings(max_examples=100)
@given(end=st.integers(0, len(DUMP) - 2))
def test_a_truncated_dump_is_never_complete(end):
    try:
        _, lexer = lex(DUMP[:end])
    except ArtifactCorrupt:
        return
    assert not lexer.complete or b"-- Dump completed" in DUMP[:end]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (b"-- Dump completed on 2026-11-21  0:06:40\n", True),
        (b"-- Dump completed", True),
        (b"-- Dump completed\n\n-- more\n", True),
        (b"-- Dump completed\nSELECT 2;\n", False),
        (b"SELECT '\n-- Dump completed\n';\n", False),
        (b"/*\n-- Dump completed\n*/\n", False),
        (b"", False),
    ],
)
def test_a_dump_is_complete_when_its_trailer_is_the_last_thing(end, expected):
    assert lex(b"SELECT 1;\n" + end)[1].complete is expected


def test_names_of_tables_are_labelled_and_any_bytes_survive():
    pieces, _ = lex(
        "INSERT INTO `a``b.c` VALUES (1);\nINSERT INTO d.`日本` VALUES (1);\n".encode()
        + b"INSERT INTO `\xff` VALUES (1);\n"
    )
    assert [p.table for p in pieces if isinstance(p, DataBegin)] == ['"a`b.c"', "日本", "\udcff"]


def test_long_comments_pass_in_pieces():
    dump = b"/*" + b"x" * 300_000 + b"*/\n"
    pieces, _ = lex(dump, list(range(0, len(dump), 10_000)))
    assert b"".join(p.text for p in pieces) == dump
    assert max(len(p.text) for p in pieces) < 100_000


@pytest.mark.parametrize("cut", [1, 20, 24, 26])
def test_rows_are_counted_where_a_large_block_follows_a_cut_head(cut):
    head, row = b"INSERT INTO `t` VALUES (1,'", b"%s'),(2,'x');\n" % (b"y" * (1 << 20))
    lexer = MysqlLexer()
    blocks = (b"-- MySQL dump 9.7\n", head[:cut], head[cut:] + row)
    found = [*(piece for block in blocks for piece in lexer.feed(block)), *lexer.finish()]
    assert [piece.rows for piece in found if isinstance(piece, DataEnd)] == [2]


@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 3, 4]])
def test_a_byte_order_mark_is_passed_over(cuts):
    mark = b"\xef\xbb\xbf"
    pieces, lexer = lex(mark + DUMP, cuts)
    assert pieces[0] == Comment(mark, 1)
    assert pieces[1:] == lex(DUMP)[0]
    assert lexer.complete
