"""How the time of a load is told apart."""

from collections.abc import Iterator

import pytest

from python_backup.dump.piece import Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.jobs import clock as module
from python_backup.jobs.clock import LoadClock


def statement(sql: bytes) -> Statement:
    return Statement(sql, 1, sql)


def data(table: str) -> list[Piece]:
    return [DataBegin(b"", 1, b"", table, True), Rows(b"", 1, 1, b""), DataEnd(b"", 1, 1)]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is one second later."""
    ticks: Iterator[int] = iter(range(1000))
    monkeypatch.setattr(module, "monotonic", lambda: float(next(ticks)))


@pytest.mark.usefixtures("seconds")
def test_what_passes_until_the_next_piece_belongs_to_the_last() -> None:
    pieces = [
        statement(b"CREATE TABLE a (n int)"),
        *data("a"),
        Comment(b"", 1),
        *data("b"),
        *data("a"),
        statement(b"ALTER TABLE ONLY public.a\n    ADD CONSTRAINT a_pkey PRIMARY KEY (n)"),
        statement(b"create unique index i on a (n)"),
        statement(b"ALTER TABLE a OWNER TO me"),
        statement(b"/*!40000 ALTER TABLE `a` ENABLE KEYS */"),
    ]
    clock = LoadClock()
    assert list(clock.timed(pieces)) == pieces
    assert clock.tables == {"a": 6.0, "b": 3.0}
    assert clock.indexing == 3.0


@pytest.mark.usefixtures("seconds")
def test_a_load_that_is_given_up_has_its_time_too() -> None:
    clock = LoadClock()
    pieces = clock.timed(data("a"))
    next(pieces)
    pieces.close()
    assert clock.tables == {"a": 1.0}
