"""The dump lexers, facts counted, and the guards: in this process, on made-up data, in a backup's blocks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from python_backup.dump.dialect import Dialect
from python_backup.dump.mysql.dialect import DIALECT as MYSQL
from python_backup.dump.postgresql.dialect import DIALECT as POSTGRESQL
from python_backup.jobs.reading import FactsMeter
from python_backup.stream.child import BLOCK

_SEED = 20260113
_ROWS = 20_000
_PG_HEAD = b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 18.0\n\n"
_PG_END = b"\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
_MY_HEAD = b"-- MariaDB dump 10.19-11.8.3-MariaDB, for Linux\n--\n-- Host: localhost    Database: t\n\n"
_MY_END = b"\n-- Dump completed on 2026-01-13 15:54:40\n"
_INSERT = 1_000_000  # bytes of one INSERT, as mysqldump's net_buffer_length makes them


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which a dump holds rows; ``bar`` in GB/s."""

    name: str
    dialect: Dialect
    text: Callable[[int], tuple[bytes, int]]
    bar: float


def rate(shape: Shape, megabytes: int) -> float:
    """Gigabytes in a second of CPU time, so that what else the machine does counts for little.

    Raises `AssertionError` when the rows are not counted right.
    """
    text, rows = shape.text(megabytes * 1_000_000)
    blocks = [text[at : at + BLOCK] for at in range(0, len(text), BLOCK)]
    meter = FactsMeter(shape.dialect, "t")
    begun = time.process_time()
    for block in blocks:
        meter.feed(block)
    meter.finish()
    seconds = time.process_time() - begun
    counted = meter.counter.result().rows
    if counted != rows:
        raise AssertionError(f"{shape.name}: counted {counted} rows of {rows}")
    return len(text) / seconds / 1e9


def guard_rate(shape: Shape, megabytes: int) -> float:
    """The same for the guard alone: what it adds to the reading of a dump before a restore."""
    text, _ = shape.text(megabytes * 1_000_000)
    lexer, guard = shape.dialect.lexer(), shape.dialect.guard("t")
    seconds = 0.0
    for at in range(0, len(text), BLOCK):
        pieces = list(lexer.feed(text[at : at + BLOCK]))
        begun = time.process_time()
        for piece in pieces:
            guard.check(piece)
        seconds += time.process_time() - begun
    return len(text) / seconds / 1e9


def _copy_row(draw: random.Random, n: int) -> bytes:
    """Narrow rows for the most part; text with escapes, JSON and binary as pg_dump writes them."""
    kind = n % 20
    if kind < 14:
        return b"%d\t%d\t%d\t%s\n" % (n, n // 1000, draw.randrange(-5000, 5000), _hex(draw, 16).ljust(84))
    if kind < 17:
        return b"%d\tarticle %s\t%s\n" % (
            n,
            _hex(draw, 8),
            rb"tabs\t and\nlines, back\\slashes " * 10 + _hex(draw, 40),
        )
    if kind < 19:
        return b'%d\t{"user": "%s", "note": "a \\\\"quoted\\\\" note", "seen": true}\n' % (n, _hex(draw, 32))
    return b"%d\t\\\\x%s\n" % (n, _hex(draw, 1024))


def _insert_row(draw: random.Random, n: int) -> bytes:
    """The same as mysqldump and mariadb-dump write it; binary data is escaped, not hex."""
    kind = n % 20
    if kind < 14:
        return b"(%d,%d,%d,'%s')" % (n, n // 1000, draw.randrange(-5000, 5000), _hex(draw, 16).ljust(84))
    if kind < 17:
        return b"(%d,'article %s','%s')" % (
            n,
            _hex(draw, 8),
            rb"it\'s text,\nwith \"quotes\" and back\\slashes " * 8 + _hex(draw, 40),
        )
    if kind < 19:
        return b'(%d,\'{\\"user\\": \\"%s\\", \\"seen\\": true}\')' % (n, _hex(draw, 32))
    return b"(%d,'%s')" % (n, _escaped(draw.randbytes(1024)))


def _hex(draw: random.Random, count: int) -> bytes:
    return draw.randbytes(count).hex().encode()


def _escaped(data: bytes) -> bytes:
    for plain, written in (
        (b"\\", rb"\\"),
        (b"\0", rb"\0"),
        (b"\n", rb"\n"),
        (b"\r", rb"\r"),
        (b"'", rb"\'"),
        (b'"', rb"\""),
        (b"\x1a", rb"\Z"),
    ):
        data = data.replace(plain, written)
    return data


def _copy(size: int) -> tuple[bytes, int]:
    draw = random.Random(_SEED)
    rows = b"".join(_copy_row(draw, n) for n in range(_ROWS))
    times = max(1, size // len(rows))
    head = _PG_HEAD + b"COPY public.t (a, b, c, d) FROM stdin;\n"
    return b"".join((head, rows * times, b"\\.\n", _PG_END)), _ROWS * times


def _inserts(separator: bytes) -> Callable[[int], tuple[bytes, int]]:
    def text(size: int) -> tuple[bytes, int]:
        draw = random.Random(_SEED)
        rows = [_insert_row(draw, n) for n in range(_ROWS)]
        each = _INSERT * _ROWS // sum(map(len, rows))
        head = b"INSERT INTO `t` VALUES" + (b"\n" if separator == b",\n" else b" ")
        statements = b"".join(
            head + separator.join(rows[at : at + each]) + b";\n" for at in range(0, _ROWS, each)
        )
        times = max(1, size // len(statements))
        return b"".join((_MY_HEAD, statements * times, _MY_END)), _ROWS * times

    return text


SHAPES = (
    Shape("lexer and facts, COPY data", POSTGRESQL, _copy, 1.0),
    Shape("lexer and facts, INSERTs with a row a line", MYSQL, _inserts(b",\n"), 1.0),
    Shape("lexer and facts, INSERTs in one line", MYSQL, _inserts(b","), 0.2),
)
GUARDED = (
    Shape("guard, COPY data", POSTGRESQL, _copy, 1.0),
    Shape("guard, INSERTs with a row a line", MYSQL, _inserts(b",\n"), 0.3),
    Shape("guard, INSERTs in one line", MYSQL, _inserts(b","), 0.3),
)
