r"""The line behind the rows is told from them wherever psql's output is cut, and its errors are the server's."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.engines.postgresql.psql import Unmarking, _judged
from python_backup.errors import ToolFailed
from python_backup.stream.ending import Ending

ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
"""As COPY writes them (https://www.postgresql.org/docs/current/sql-copy.html)."""

values = st.one_of(
    st.none(), st.sampled_from(["\\.", "\\", ".", "", "\\. 1\n", "x" * 50]), st.text("\\.\nN1 ü\t")
)
tables = st.lists(st.lists(values, min_size=1, max_size=3), max_size=8)


def written(value: str | None) -> str:
    return "\\N" if value is None else "".join(ESCAPED.get(letter, letter) for letter in value)


@given(tables, st.lists(st.integers(1, 9), min_size=1, max_size=9), st.sampled_from([b"", b" 7"]))
def test_whatever_the_rows_hold_they_come_out_as_they_are(
    table: list[list[str | None]], sizes: list[int], told: bytes
) -> None:
    text = "".join("\t".join(map(written, row)) + "\n" for row in table).encode()
    stream = text + b"\\." + told + b"\n"
    unmarking, at, rows, texts = Unmarking(), 0, 0, []
    while at < len(stream):
        assert unmarking.end is None
        size = sizes[at % len(sizes)]
        count, found = unmarking.take(stream[at : at + size])
        rows, at = rows + count, at + size
        texts.append(found)
    assert (rows, b"".join(texts), unmarking.end) == (len(table), text, told.strip())


@given(tables, st.integers(0))
def test_rows_that_are_cut_have_no_end(table: list[list[str | None]], cut: int) -> None:
    stream = "".join("\t".join(map(written, row)) + "\n" for row in table).encode() + b"\\. 12\n"
    unmarking = Unmarking()
    unmarking.take(stream[: 1 + cut % (len(stream) - 1)])
    assert unmarking.end is None


ERRORS = {
    "a statement's": (
        "psql:<stdin>:4: NOTICE:  00000: ERROR:  22012: so it says\npsql:<stdin>:4: ERROR:  55P03: locked\nLOCATION:  x",
        psycopg.errors.LockNotAvailable, "locked", "55P03",
    ),
    "a session's end": (
        "psql:<stdin>:9: FEHLER:  57P01: terminating connection\nserver closed the connection unexpectedly",
        psycopg.errors.AdminShutdown, "terminating connection", "57P01",
    ),
    "an extension's own": ("psql:<stdin>:1: ERROR:  ZZ777: no\n", psycopg.DatabaseError, "no", "ZZ777"),
    "a lost connection": (
        "psql:<stdin>:9: server closed the connection unexpectedly\n",
        psycopg.OperationalError, "server closed the connection unexpectedly", None,
    ),
    "a refused login, 13": (
        "psql: error: could not connect to server: FATAL:  no\n", psycopg.OperationalError, "FATAL:  no", None,
    ),
    "a lost connection amid rows": (
        "psql:<stdin>:9: error: COPY data transfer failed: was lost\n",
        psycopg.OperationalError, "COPY data transfer failed: was lost", None,
    ),
    "no word": ("", psycopg.OperationalError, "psql failed (exit status 3)", None),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_what_ended_psql_is_raised_as_the_drivers_error(case: str) -> None:
    stderr, kind, words, state = ERRORS[case]
    with pytest.raises(kind) as caught:
        _judged(Ending(3, stderr))
    assert (str(caught.value), caught.value.sqlstate) == (words, state)


def test_a_psql_that_is_killed_is_named() -> None:
    with pytest.raises(ToolFailed, match=r"psql, which reads rows, failed \(signal 9\)"):
        _judged(Ending(-9, ""))


def test_a_psql_that_ends_well_is_no_error() -> None:
    _judged(Ending(0, "psql:<stdin>:4: WARNING:  01000: so it goes\n"))
