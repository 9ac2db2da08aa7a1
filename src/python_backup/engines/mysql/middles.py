"""Values that may lie in the middle between two values of a column: proposals, which the server then judges.

Which of two strings comes first only the server knows, by the column's collation. So several are proposed
for those: by letters and digits without their case, then by code points.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

_WEIGHED = 10
"""How many characters decide where the middle is, from the first that differs on."""
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SURROGATES = range(0xD800, 0xE000)
_LAST_CHARACTER = 0x10FFFF

INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
TIMES = frozenset({"date", "datetime", "timestamp"})
CODECS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "utf8": "utf-8", "ascii": "ascii", "latin1": "cp1252"}


def middles(kind: str, charset: str, low: Any, high: Any) -> Iterator[Any]:
    """Proposals for a column of this data type; integers, times as text, strings as bytes.

    ``charset`` is one of `CODECS` for text.
    """
    if kind in INTEGERS:
        yield (low + high + 1) // 2
    elif kind in TIMES:
        yield _of_times(low, high)
    elif codec := CODECS.get(charset):
        for text in _of_texts(low.decode(codec, "replace"), high.decode(codec, "replace")):
            with suppress(UnicodeEncodeError):
                yield text.encode(codec)
    elif found := _mean(list(low), list(high), 256):
        yield bytes(found)


def _of_times(low: str, high: str) -> str:
    begin, end = _time(low), _time(high)
    middle = begin + (end - begin) / 2
    if len(high) <= len("2024-01-01"):
        return (middle + timedelta(hours=23)).date().isoformat()
    if "." in high:
        return middle.isoformat(sep=" ", timespec="microseconds")
    return (middle + timedelta(milliseconds=999)).isoformat(sep=" ", timespec="seconds")


def _time(text: str) -> datetime:
    """Zeros, which the servers have for a year, month or day, become the first there is."""
    day, _, clock = text.partition(" ")
    year, month, date = (max(1, int(number)) for number in day.split("-"))
    return datetime.fromisoformat(f"{year:04}-{month:02}-{min(date, 28):02} {clock or '00:00:00'}")


def _of_texts(begin: str, end: str) -> Iterator[str]:
    ranks = {letter: rank for rank, letter in enumerate(_LETTERS)}
    lowered = begin.lower(), end.lower()
    shared = next(
        (i for i, (a, b) in enumerate(zip(*lowered, strict=False)) if a != b), min(map(len, lowered))
    )
    tails = [[ranks.get(c, 0) for c in text[shared : shared + _WEIGHED]] for text in lowered]
    mean = _mean(tails[0], tails[1], len(_LETTERS))
    if mean:
        yield (lowered[1][:shared] + "".join(_LETTERS[rank] for rank in mean))
    points = _mean([ord(c) for c in begin], [ord(c) for c in end], _LAST_CHARACTER + 1)
    if points:
        yield "".join(chr(p) if p not in _SURROGATES else "\ue000" for p in points)
    for letter in "5amz":
        yield end[:shared] + letter


def _mean(low: list[int], high: list[int], base: int) -> list[int]:
    """The digits of the number between two fractions; none where the first is not the smaller one."""
    length = _shared(low, high) + _WEIGHED
    begin, end = _number(low, length, base), _number(high, length, base)
    if begin >= end:
        return []
    middle = (begin + end + 1) // 2
    digits = []
    for _ in range(length):
        middle, digit = divmod(middle, base)
        digits.append(digit)
    digits.reverse()
    while digits and not digits[-1]:
        digits.pop()
    return digits


def _shared(low: list[int], high: list[int]) -> int:
    both = zip(low, high, strict=False)
    return next((at for at, (a, b) in enumerate(both) if a != b), min(len(low), len(high)))


def _number(digits: list[int], length: int, base: int) -> int:
    number = 0
    for at in range(length):
        number = number * base + (digits[at] if at < len(digits) else 0)
    return number
