"""Rows that are passed over: what is around them is read as if they had been read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from python_backup.dump import spans
from python_backup.dump.mysql.dialect import DIALECT as MYSQL
from python_backup.dump.piece import DataBegin, Piece, Rows
from python_backup.dump.postgresql.dialect import DIALECT as POSTGRESQL
from python_backup.dump.spans import SpanCounter
from python_backup.jobs.reading import pieces_of
from python_backup.model import Span

ROWS = 300
COPY = "".join(
    [
        "--\n-- PostgreSQL database dump\n--\n\nSET a = 1;\n\n",
        *(
            f"--\n-- Data for Name: {table}\n--\n\nCOPY public.{table} (a, b) FROM stdin;\n"
            + "".join(f"{i}\t{table} {i}\n" for i in range(ROWS))
            + "\\.\n\n\n"
            for table in ("big", "small", "last")
        ),
        "ALTER TABLE public.big\n    ADD PRIMARY KEY (a);\n\n-- PostgreSQL database dump complete\n",
    ]
)
INSERTS = "".join(
    [
        "-- MySQL dump 10.13  Distrib 9.7.0, for Linux (x86_64)\n\nSET a = 1;\n",
        *(
            f"CREATE TABLE `{table}` (\n  a int,\n  b text\n);\nLOCK TABLES `{table}` WRITE;\n"
            + "".join(
                f"INSERT INTO `{table}` VALUES "
                + ",".join(f"({n},'it\\'s\\n {table};')" for n in range(i, i + 10))
                + ";\n"
                for i in range(0, ROWS, 10)
            )
            + "UNLOCK TABLES;\n"
            for table in ("big", "small", "last")
        ),
        "-- Dump completed on 2026-01-01\n",
    ]
)
BY_ROW = INSERTS.replace("),(", "),\n(").replace("VALUES (", "VALUES\n(")  # as mariadb-dump lays them out
SINGLE = COPY.partition("COPY")[0] + "".join(
    f"INSERT INTO public.{table} VALUES ({i}, 'it''s {table}');\n"
    for table in ("big", "small", "last")
    for i in range(ROWS)
)
CASES = [
    pytest.param(POSTGRESQL, COPY, id="copy"),
    pytest.param(POSTGRESQL, SINGLE, id="single inserts"),
    pytest.param(MYSQL, INSERTS, id="one line"),
    pytest.param(MYSQL, BY_ROW, id="a line a row"),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "LEAST", 1000)


def _spans(dialect, text: bytes) -> dict[str, tuple[Span, ...]]:
    counter = SpanCounter()
    for piece in pieces_of([text[i : i + 777] for i in range(0, len(text), 777)], dialect.lexer()):
        counter.take(piece)
    return counter.result()


def _without(text: bytes, passed: list[Span]) -> Iterator[bytes | Span]:
    at = 0
    for span in passed:
        yield from (text[i : min(i + 500, span.begin)] for i in range(at, span.begin, 500))
        yield span
        at = span.end
    yield text[at:]


def _seen(pieces: Iterator[Piece]) -> list[tuple[object, ...]]:
    """Every piece that is no data, with its line; of data which table begins."""
    whole = [p for p in pieces if not isinstance(p, Rows) and p.text]
    return [
        (type(p), p.table) if isinstance(p, DataBegin) else (type(p), p.line, getattr(p, "sql", p.text))
        for p in whole
        if isinstance(p, DataBegin) or hasattr(p, "sql")
    ]


@pytest.mark.parametrize(("dialect", "text"), CASES)
@pytest.mark.parametrize("tables", [("big",), ("small", "last"), ("big", "small", "last")])
def test_what_is_around_passed_rows_is_read_with_its_lines(dialect, text: str, tables) -> None:
    dump = text.encode()
    found = _spans(dialect, dump)
    assert sorted(name.rpartition(".")[2] for name in found) == ["big", "last", "small"]
    passed = sorted(
        chain.from_iterable(s for name, s in found.items() if name.rpartition(".")[2] in tables),
        key=lambda span: span.begin,
    )
    assert len(passed) == len(tables)
    for span in passed:
        assert dump.count(b"\n", span.begin, span.end) == span.lines
    assert sum(span.end - span.begin for span in passed) > 0.9 * len(dump) * len(tables) / 3 - 3000

    whole, partly = (
        _seen(pieces_of([dump], dialect.lexer())),
        _seen(pieces_of(_without(dump, passed), dialect.lexer())),
    )
    assert [seen for seen in partly if seen[0] is not DataBegin] == [
        seen for seen in whole if seen[0] is not DataBegin
    ]
    assert {seen for seen in partly if seen[0] is DataBegin} == {
        seen for seen in whole if seen[0] is DataBegin
    }


def test_small_tables_have_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "LEAST", 1 << 20)
    assert _spans(POSTGRESQL, COPY.encode()) == {}
