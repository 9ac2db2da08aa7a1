"""A statement is read as its server reads it."""

import pytest

from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import Kind, Reading, readings, tokens


def texts(sql: bytes, reading: Reading | None = None, **modes: bool) -> list[bytes]:
    return [t.text for t in tokens(sql, SqlModes(**modes), reading)]


def test_strings_names_variables_and_words_are_one_token_each():
    found = tokens(b"SET @`a b` := 'it''s', @@session.x=\"\\\"\" -- c\n, `d``e`.f1", SqlModes())
    assert [(t.kind, t.text) for t in found if t.kind is not Kind.SYMBOL] == [
        (Kind.WORD, b"SET"),
        (Kind.VARIABLE, b"@`a b`"),
        (Kind.STRING, b"'it''s'"),
        (Kind.VARIABLE, b"@@session.x"),
        (Kind.STRING, b'"\\""'),
        (Kind.NAME, b"`d``e`"),
        (Kind.WORD, b"f1"),
    ]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(mariadb=False, version=50700), [b"a", b"e"]),
        (Reading(mariadb=False, version=80000), [b"a", b"b", b"e"]),
        (Reading(mariadb=True, version=100500), [b"a", b"e"]),
        (Reading(mariadb=True, version=100600), [b"a", b"d", b"e"]),
        (None, [b"a", b"b", b"d", b"e"]),
    ],
)
def test_code_in_comments_is_read_by_those_it_is_for(reading, expected):
    assert texts(b"/*!50001 a */ /*!80000 b */ /* c */ /*M!100600 d */ e", reading) == expected


def test_all_servers_that_read_differently_are_asked():
    assert readings(b"SELECT 1") == (None,)
    assert len(readings(b"/*!50003 CREATE*/ /*!50017 DEFINER=x */")) == 1
    assert len(readings(b"/*!80000 a */ /*M!100600 b */")) == 3


def test_sql_modes_change_what_quotes_hold():
    assert texts(b"'a\\' b", backslash_escapes=False) == [b"'a\\'", b"b"]
    (name,) = tokens(b'"a""b"', SqlModes(ansi_quotes=True))
    assert (name.kind, name.name) == (Kind.NAME, 'a"b')


def test_an_asterisk_before_a_comment_is_no_end_of_code():
    assert texts(b"2*/* a */3") == [b"2", b"*", b"3"]
    assert texts(b"/*!50001 2*/*3") == [b"2", b"*", b"3"]
