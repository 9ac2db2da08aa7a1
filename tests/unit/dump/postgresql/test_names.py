import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.postgresql.names import codec_of, quote, unquote


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=15))
def test_a_quoted_name_means_itself(name):
    assert unquote(quote(name).encode()) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"Orders", "orders"),
        (b'"Orders"', "Orders"),
        (b'U&"\\0061\\+000062"', "ab"),
        (b"\xff", "\udcff"),
        (b"a" * 70, "a" * 63),
        (b'"' + "é".encode() * 40 + b'"', "é" * 31),
    ],
)
def test_an_identifier_is_read_as_the_server_reads_it(text, name):
    assert unquote(text) == name


def test_encodings_are_known_in_all_their_spellings():
    assert [codec_of(e) for e in ("UTF8", "utf-8", "ISO_8859_5", "WIN1252", "no such")] == [
        "utf-8",
        "utf-8",
        "iso8859-5",
        "cp1252",
        "utf-8",
    ]
