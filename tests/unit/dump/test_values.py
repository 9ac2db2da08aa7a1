"""What a value says is the same however the dump tools write it."""

from __future__ import annotations

import pytest

from python_backup.dump.rowwise import RowForm
from python_backup.dump.values import text_of

COPY = RowForm(copy=True)
POSTGRESQL = RowForm(copy=False, escapes=False, prefixed=True)
OLD = RowForm(copy=False, escapes=True, prefixed=True)
MYSQL = RowForm(copy=False, escapes=True, escapes_double=True)
PLAIN = RowForm(copy=False, escapes=False)


@pytest.mark.parametrize(
    ("form", "written", "expected"),
    [
        (COPY, rb"\N", None),
        (COPY, rb"\\N", rb"\N"),
        (COPY, rb"a\tb\nc\\d", b"a\tb\nc\\d"),
        (COPY, rb"\x41\101", b"AA"),
        (COPY, b"", b""),
        (POSTGRESQL, b"NULL", None),
        (POSTGRESQL, b"'NULL'", b"NULL"),
        (POSTGRESQL, b"true", b"t"),
        (POSTGRESQL, b"-1.50", b"-1.50"),
        (POSTGRESQL, rb"'it''s \n'", rb"it's \n"),
        (POSTGRESQL, rb"E'it\'s \n'", b"it's \n"),
        (POSTGRESQL, b"'2020-01-01'::date", b"2020-01-01"),
        (POSTGRESQL, b"'a'::character varying(9)", b"a"),
        (POSTGRESQL, b"'::text'", b"::text"),
        (POSTGRESQL, b"N'it''s'", b"it's"),
        (POSTGRESQL, b"now()", b"now()"),
        (OLD, rb"'a\\b'", rb"a\b"),
        (MYSQL, b"null", None),
        (MYSQL, rb"'it\'s\n\Z\0'", b"it's\n\x1a\0"),
        (MYSQL, rb"'100\%'", rb"100\%"),
        (MYSQL, b"'it''s'", b"it's"),
        (MYSQL, b'"say ""it"""', b'say "it"'),
        (MYSQL, rb"_binary '\0'", b"\0"),
        (MYSQL, b"0x00FF", b"\x00\xff"),
        (MYSQL, b"x'00FF'", b"\x00\xff"),
        (MYSQL, b"0xF", b"\x0f"),
        (MYSQL, b"TRUE", b"1"),
        (MYSQL, b"1e3", b"1e3"),
        (PLAIN, rb"'a\'", b"a\\"),
    ],
)
def test_a_value_is_what_it_says(form: RowForm, written: bytes, expected: bytes | None) -> None:
    assert text_of(written, form) == expected
