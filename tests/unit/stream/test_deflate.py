"""Deflate in chunks: one stream for every reader, the same whatever the machine."""

from __future__ import annotations

import os
import zlib

import pytest

from python_backup.stream.deflate import Deflate, GzipEncoder
from python_backup.stream.stage import through

TEXT = b"".join(b"%d\tsome text of row %d\n" % (n, n * 7919 % 10007) for n in range(120_000))
DATA = TEXT + os.urandom(300_000)


def deflated(level: int, workers: int = 2, cut: int = 256 << 10) -> bytes:
    return b"".join(through((DATA[i : i + cut] for i in range(0, len(DATA), cut)), Deflate(level, workers)))


@pytest.mark.parametrize("level", range(1, 10))
def test_all_chunks_are_one_deflate_stream(level: int) -> None:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    assert inflate.decompress(deflated(level)) == DATA
    assert (inflate.eof, inflate.unused_data) == (True, b"")


@pytest.mark.parametrize("level", [2, 6])
def test_the_same_stream_becomes_the_same_bytes(level: int) -> None:
    assert (
        len({deflated(level, workers, cut) for workers, cut in ((1, 1000), (2, 1 << 18), (3, 1 << 22))}) == 1
    )


def test_a_chunk_refers_to_what_stood_before_it() -> None:
    noise = os.urandom(16 << 10)
    repeated = os.urandom((1 << 20) - len(noise)) + noise + noise
    stored = b"".join(through([repeated], Deflate(6, 2)))
    assert len(stored) < len(repeated) - len(noise) // 2


def test_levels_above_isals_are_smaller() -> None:
    sizes = {level: len(b"".join(through([TEXT], Deflate(level, 2)))) for level in (1, 3, 6)}
    assert sizes[6] < sizes[3] <= sizes[1]


def test_gzip_holds_the_sum_and_size_of_an_empty_stream() -> None:
    assert zlib.decompress(b"".join(through([], GzipEncoder(2, 2))), 31) == b""
