"""Identifiers come back as they were, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.mysql.names import decode, encode, quote, unquote

HOSTILE = [
    "a b",
    "a`b",
    "a'b",
    'a"b',
    "-x",
    "a\\b",
    "a/b",
    "a.b",
    "..",
    "a;touch p",
    "$(touch p)",
    "a%b",
    "\n",
    "ünï日本",
    "NULL",
    "select",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_comes_back_from_its_quoted_form(name):
    assert unquote(quote(name)) == name


def test_a_backquote_is_doubled():
    assert quote("a`b") == b"`a``b`"


@given(st.binary(min_size=1))
def test_any_bytes_come_back_from_their_text(name):
    assert encode(decode(name)) == name
    assert encode(unquote(quote(decode(name)))) == name


def test_double_quotes_hold_a_name_too():
    assert unquote(b'"a""b"') == 'a"b'
