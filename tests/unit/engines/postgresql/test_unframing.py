"""Rows come out of their frames exactly, however the stream is cut and whatever sizes look like."""

from __future__ import annotations

import random
import struct

import psycopg
import pytest

from python_backup.engines.postgresql.unframing import LONGEST, Unframing

NOTICE = b"SNOTICE\0Mrows\nd\0are not here\0\0"
LIKE_A_FRAME = [5, 261, 0x0A00 - 5, 0x0A6400 - 5, 0x0A64FF - 5, 0x010A6400 - 5]
"""Bytes of rows in whose frames' sizes is a line end."""


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content) + 4) + content


def row(size: int, dice: random.Random) -> bytes:
    some = bytes(dice.choices(b"abd\\d\t01", k=min(size, 100)))
    return (some * (size // 100 + 1))[:size] + b"\n"


def unframed(stream: bytes, sizes: list[int], dice: random.Random) -> tuple[int, bytes, bytes]:
    unframing, at, rows, texts = Unframing(), 0, 0, []
    while at < len(stream):
        assert not unframing.ended
        size = dice.choice(sizes)
        count, text = unframing.take(stream[at : at + size])
        rows, at = rows + count, at + size
        texts.append(text)
    assert unframing.ended
    return rows, b"".join(texts), unframing.others


@pytest.mark.parametrize("sizes", [[1, 4, 5, 6, 100], [9000, 200_000, LONGEST], [LONGEST]])
@pytest.mark.parametrize("lengths", [[0, 3, 7, 9], [40, 90, 261], [5, 300, 3000], LIKE_A_FRAME])
def test_rows_and_other_messages_are_told_apart(sizes: list[int], lengths: list[int]) -> None:
    dice = random.Random(f"{sizes} {lengths}")
    if sizes[0] == 1:
        lengths = [length for length in lengths if length < 10_000]
    rows = [row(dice.choice(lengths), dice) for _ in range(12 if max(lengths) > 10_000 else 2000)]
    others = [message(b"H", b"\0\0\1\0\0"), message(b"N", NOTICE), message(b"S", b"a\0b\0")]
    ends = [message(b"c", b""), message(b"C", b"COPY\0"), message(b"Z", b"I")]
    inside = [message(b"d", text) for text in rows]
    inside.insert(len(rows) // 2, others[1])
    inside.insert(len(rows) // 3, others[2])
    stream = b"".join((others[0], *inside, *ends))

    found = unframed(stream, sizes, dice)

    assert found == (len(rows), b"".join(rows), b"".join((others[0], others[2], others[1], *ends)))


@pytest.mark.parametrize("size", LIKE_A_FRAME)
def test_the_begin_of_a_row_whose_size_looks_like_a_frame_is_kept_apart(size: int) -> None:
    unframing = Unframing()
    short, long = row(20, random.Random(1)), row(size, random.Random(2))
    stream = message(b"d", short) * 100 + message(b"d", long)
    end = 100 * (len(short) + 5)
    for cut in (end + 1, end + 2, end + 5, end + 9):
        unframing = Unframing()
        texts = [unframing.take(stream[:cut])]
        texts += [unframing.take(stream[at : at + LONGEST]) for at in range(cut, len(stream), LONGEST)]
        assert sum(count for count, _ in texts) == 101
        assert b"".join(text for _, text in texts) == short * 100 + long


def test_a_long_row_is_given_as_it_comes() -> None:
    unframing = Unframing()
    assert unframing.take(b"d" + struct.pack(">I", 4 + 1_000_000) + b"x" * 10) == (0, b"x" * 10)
    assert unframing.take(b"y" * 499_990) == (0, b"y" * 499_990)
    assert unframing.take(b"z" * 500_000) == (1, b"z" * 500_000)


def test_a_message_of_an_unknown_kind_ends_it() -> None:
    with pytest.raises(psycopg.OperationalError, match="unknown kind"):
        Unframing().take(message(b"d", b"1\n") + message(b"?", b""))
