"""Deflate for gzip and zip, compressed side by side as pigz does it: any gunzip or unzip reads it.

Each chunk is compressed with what stood before it as its dictionary and ended at a whole byte (a sync
flush), so that all of them joined are one deflate stream. Layouts: RFC 1951, RFC 1952.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from isal import isal_zlib
from zlib_ng import zlib_ng

from python_backup.stream.chunks import Chunks

_CHUNK = 1 << 20  # bytes; one is compressed in 2 to 30 ms
_WINDOW = 32 << 10  # how far back deflate looks
_ISAL_BEST = 3
"""From level 1 to 3 isal is as small as zlib-ng at twice to three times its speed; above it has no levels."""
_END = b"\x03\x00"  # an empty last block
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"  # deflate, no name, no time, Unix


class Deflate:
    """A stage that writes one deflate stream; ``crc`` and ``size`` are of what it was fed."""

    def __init__(self, level: int, workers: int) -> None:
        self.crc = self.size = 0
        self._chunks = Chunks(partial(_compress, level), _CHUNK, workers, before=_WINDOW)

    def feed(self, block: bytes) -> Iterator[bytes]:
        """The compressed bytes that are ready."""
        self.crc = zlib_ng.crc32(block, self.crc)
        self.size += len(block)
        for stored, _ in self._chunks.feed(block):
            yield stored

    def finish(self) -> Iterator[bytes]:
        """The last compressed bytes."""
        for stored, _ in self._chunks.finish():
            yield stored
        yield _END


class GzipEncoder:
    """A stage that writes one gzip member; the same stream always becomes the same bytes."""

    def __init__(self, level: int, workers: int) -> None:
        self._deflate = Deflate(level, workers)
        self._head: tuple[bytes, ...] = (_GZIP_HEADER,)

    def feed(self, block: bytes) -> Iterator[bytes]:
        """The compressed bytes that are ready."""
        yield from self._begun()
        yield from self._deflate.feed(block)

    def finish(self) -> Iterator[bytes]:
        """The last compressed bytes and the trailer."""
        yield from self._begun()
        yield from self._deflate.finish()
        yield struct.pack("<LL", self._deflate.crc, self._deflate.size & 0xFFFFFFFF)

    def _begun(self) -> tuple[bytes, ...]:
        head, self._head = self._head, ()
        return head


def _compress(level: int, chunk: bytes, before: bytes) -> bytes:
    maker: Any = isal_zlib if level <= _ISAL_BEST else zlib_ng
    form = (level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY)
    deflate = maker.compressobj(*form, before) if before else maker.compressobj(*form)
    return bytes(deflate.compress(chunk) + deflate.flush(zlib.Z_SYNC_FLUSH))
