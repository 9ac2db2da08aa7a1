"""Rows off the wire: short ones many at a time, long ones as they come."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from python_backup.engines.mysql import wire
from python_backup.engines.mysql.connection import Session
from python_backup.engines.mysql.refused import converted
from python_backup.engines.mysql.rowtext import Column, Manner, row_text
from python_backup.errors import ConnectionFailed
from python_backup.instance import Dbms, Instance
from support.chance import SEED

FULL = 0xFFFFFF
EOF = b"\xfe\0\0\0\0"
NUMBERS = (251, 252, 65_535, 65_536, 1 << 20, FULL - 5, FULL - 4, FULL - 3, FULL, 2 * FULL + 7)


def coded(value: bytes | None) -> bytes:
    """A value with its length, as a row has it."""
    if value is None:
        return b"\xfb"
    size = len(value)
    for most, first, width in ((250, b"", 1), (0xFFFF, b"\xfc", 2), (0xFFFFFF, b"\xfd", 3)):
        if size <= most:
            return first + size.to_bytes(width, "little") + value
    return b"\xfe" + size.to_bytes(8, "little") + value


def packets(*payloads: bytes) -> bytes:
    """Each in packets, the last of which is not full."""
    return b"".join(
        len(part).to_bytes(3, "little") + b"\0" + part
        for payload in payloads
        for part in (payload[at : at + FULL] for at in range(0, len(payload) + 1, FULL))
    )


@dataclass
class Answer:
    """A session whose server has one answer, given in pieces of any size."""

    answer: bytes
    cut: random.Random = field(default_factory=lambda: random.Random(SEED))
    lost: OSError | None = None
    """What its end is, where it is none of the answer's."""

    def __post_init__(self) -> None:
        self._stream = io.BytesIO(self.answer)
        self._rfile = self

    @contextmanager
    def raw(self) -> Iterator[Answer]:
        with converted(Instance("1", "fake", Dbms.MYSQL, "127.0.0.1"), rights=True):
            yield self

    def read1(self, most: int) -> bytes:
        found = self._stream.read(self.cut.randint(1, most))
        if not found and self.lost is not None:
            raise self.lost
        return found

    def _execute_command(self, *_: object) -> None:
        pass


def answer(columns: int, *rows: tuple[bytes | None, ...], end: bytes = EOF) -> Session:
    head = (bytes([columns]), *[b"a column"] * columns, EOF)
    return Answer(packets(*head, *(b"".join(map(coded, row)) for row in rows), end))  # type: ignore[return-value]


def values(session: Session) -> list[bytes]:
    found: list[bytes] = []
    for several in wire.values(session, "SELECT"):
        found += [b"".join(several.pieces)] if isinstance(several, wire.Long) else several
    return found


@pytest.mark.parametrize("size", NUMBERS)
def test_values_of_any_length_come_whole_and_the_next_behind_them(size: int) -> None:
    rows = [b"first", bytes(range(256)) * (size // 256) + b"x" * (size % 256), b"", b"last"]
    assert values(answer(1, *((row,) for row in rows))) == rows


def test_a_long_value_comes_in_pieces_whose_length_is_known() -> None:
    found = wire.values(answer(1, (bytes(5 << 20),)), "SELECT")
    value = next(found)
    assert isinstance(value, wire.Long)
    assert value.length == 5 << 20
    sizes = [len(piece) for piece in value.pieces]
    assert (sum(sizes), max(sizes) <= 1 << 20, list(found)) == (5 << 20, True, [])


@pytest.mark.parametrize("lost", [None, ConnectionResetError(104, "reset"), TimeoutError("timed out")])
@pytest.mark.parametrize("held", [3 << 20, 40])
def test_a_connection_that_is_lost_amid_a_value_is_told_as_that(held: int, lost: OSError | None) -> None:
    whole = packets(b"\1", b"a column", EOF, coded(bytes(held)), EOF)
    with pytest.raises(ConnectionFailed, match="was lost: Lost connection to MySQL server during query"):
        values(Answer(whole[: -held // 2], lost=lost))  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailed):
        for row in wire.rows(Answer(whole[: -held // 2], lost=lost), "SELECT"):  # type: ignore[arg-type]
            for value in row:
                assert value is not None
                list(value.pieces)


def test_where_one_is_null_it_says_how_many_were_before() -> None:
    session, found = answer(1, (b"a",), (bytes(2 << 20),), (None,), (b"b",)), []
    with pytest.raises(wire.NoValue) as caught:
        for several in wire.values(session, "SELECT"):
            found += [b"".join(several.pieces)] if isinstance(several, wire.Long) else several
    assert (caught.value.rows, len(found)) == (2, 2)


@pytest.mark.parametrize("size", NUMBERS)
def test_rows_have_their_values_one_by_one(size: int) -> None:
    rows = [(b"1", bytes(size), None, b""), (None, b"x" * size, b"y", b"\xfe" * 300)]
    found = [
        tuple(value and b"".join(value.pieces) for value in row)
        for row in wire.rows(answer(4, *rows), "SELECT")
    ]
    assert found == rows


def column(kind: str, charset: str = "") -> Column:
    return Column("c", kind, charset, charset, nullable=True, generated=False, visible=True)


@pytest.mark.parametrize("mariadb", [True, False])
@pytest.mark.parametrize("kind", ["longblob", "longtext"])
def test_a_long_row_is_written_as_a_short_one_however_it_comes(kind: str, *, mariadb: bool) -> None:
    chance = random.Random(SEED)
    some = [
        b"\xf0\x9f\x98\x80",
        b"\xf0",
        b"\xe2\x82",
        b"\xc3\xa9",
        b"'",
        b'"',
        b"\\",
        b"\n",
        b"a",
        b"\x80" * 9,
        b"\0",
    ]
    text = row_text(
        "t", [column(kind, "" if kind == "longblob" else "utf8mb4")], Manner(mariadb, hex_bits=False)
    )
    for _ in range(200):
        value = b"".join(chance.choices(some, k=chance.randint(0, 30)))
        cuts = sorted(chance.choices(range(len(value) + 1), k=5))
        pieces = [value[a:b] for a, b in zip([0, *cuts], [*cuts, len(value)], strict=True)]
        whole = text.joined(iter([wire.Long(len(value), iter([value]))]))
        assert b"".join(text.joined(iter([wire.Long(len(value), iter(pieces))]))) == b"".join(whole)
        assert b"".join(text.finished(iter(pieces))) == text.finish(value)
