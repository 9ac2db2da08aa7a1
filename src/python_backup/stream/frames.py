"""zstd in independent frames, with the seekable format's table at the end: any zstd reads it through.

Frames are compressed side by side, and one of them can be read without those before it. The table is
``zstd_seekable_compression_format.md`` 0.1.0 of facebook/zstd, without its optional checksums: a
skippable frame of (stored size, size) for each frame, and a footer.
"""

from __future__ import annotations

import os
import struct
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, starmap
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from python_backup.errors import ArtifactCorrupt
from python_backup.model import Span
from python_backup.stream.chunks import Chunks
from python_backup.stream.reading import reading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SKIPPABLE = struct.Struct("<II")  # magic, size of what follows
_ENTRY = struct.Struct("<II")  # stored size, size
_FOOTER = struct.Struct("<IBI")  # frames, descriptor, magic
_SKIPPABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1
_DIGITS = 16
_LARGEST = 64 << 20  # bytes of a frame, as it is held whole
PIECE = 256 << 10
"""Bytes that are given at once: what is lexed stays in the cache."""

Sizes = tuple[tuple[int, int], ...]
"""Stored size and size of each frame."""


def frame_digest(stored: bytes) -> str:
    """What a manifest says of one frame: the first 16 hex digits of BLAKE3 over its stored bytes."""
    return blake3(stored).hexdigest()[:_DIGITS]


class FrameEncoder:
    """A stage that writes one frame for each ``size`` bytes; ``digests`` has each one's `frame_digest`."""

    def __init__(self, options: Mapping[int, int], size: int, workers: int) -> None:
        self.digests: list[str] = []
        self._compress = partial(_compress, dict(options))
        self._chunks = Chunks(self._compress, size, workers)
        self._table = FrameTable()

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Whole frames, as many as are ready."""
        yield from starmap(self._written, self._chunks.feed(block))

    def finish(self) -> Iterator[bytes]:
        """The frames that are left, at least one in all, and the table."""
        yield from starmap(self._written, self._chunks.finish())
        if not self._table.entries:
            yield self._written(self._compress(b"", b""), 0)
        yield self._table.stored()

    def _written(self, frame: tuple[bytes, str], size: int) -> bytes:
        stored, digest = frame
        self._table.add(len(stored), size)
        self.digests.append(digest)
        return stored


class FrameStream:
    """As `FrameEncoder`, in the thread that feeds it: for as many streams side by side as there are cores.

    It takes a fifth less of the processor: blocks are compressed while they are in its cache. What a frame
    is stored as may depend on how the stream was cut.
    """

    def __init__(self, options: Mapping[int, int], size: int) -> None:
        self._compressor = zstd.ZstdCompressor(options=dict(options))
        self._size = size
        self._taken = 0  # of the frame that is begun
        self._given = 0
        self._table = FrameTable()

    def feed(self, block: bytes) -> Iterator[bytes]:
        """What is ready."""
        rest = memoryview(block)
        while rest:
            part = rest[: self._size - self._taken]
            rest = rest[len(part) :]
            self._taken += len(part)
            stored = self._compressor.compress(part)
            self._given += len(stored)
            if self._taken == self._size:
                stored += self._ended()
            if stored:
                yield stored

    def finish(self) -> Iterator[bytes]:
        """What is left, at least one frame in all, and the table."""
        if self._taken or not self._table.entries:
            yield self._ended()
        yield self._table.stored()

    def _ended(self) -> bytes:
        """What is left of the frame that is begun."""
        stored = self._compressor.flush(zstd.ZstdCompressor.FLUSH_FRAME)
        self._table.add(self._given + len(stored), self._taken)
        self._given = self._taken = 0
        return stored


@dataclass(slots=True)
class FrameTable:
    """The seekable format's table, as it is being made."""

    entries: bytearray = field(default_factory=bytearray)

    def add(self, stored: int, size: int) -> None:
        """One more frame."""
        self.entries += _ENTRY.pack(stored, size)

    def stored(self) -> bytes:
        """The table as it ends the file."""
        footer = _FOOTER.pack(len(self.entries) // _ENTRY.size, 0, _SEEKABLE_MAGIC)
        return _SKIPPABLE.pack(_SKIPPABLE_MAGIC, len(self.entries) + _FOOTER.size) + self.entries + footer


def _compress(options: Mapping[int, int], chunk: bytes, _before: bytes) -> tuple[bytes, str]:
    """One frame and its digest."""
    compressor = zstd.ZstdCompressor(options=options)
    compressor.set_pledged_input_size(len(chunk))  # its tables are made no larger than that asks for
    stored = compressor.compress(chunk, zstd.ZstdCompressor.FLUSH_FRAME)
    return stored, frame_digest(stored)


class Ranged(Protocol):
    """Stored bytes that can be read anywhere: a file, or what a store gives by range requests."""

    @property
    def name(self) -> str:
        """What errors call it."""
        ...

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def expect(self, begin: int, end: int) -> None:
        """Says that these bytes are read next, one after the other: they may be fetched ahead."""
        ...

    def read(self, begin: int, size: int) -> bytes:
        """These bytes, fewer where it ends before.

        Raises:
            ArtifactError: they cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class _File:
    """A file of this machine that is open."""

    path: Path
    descriptor: int
    size: int

    @property
    def name(self) -> str:
        return str(self.path)

    def expect(self, begin: int, end: int) -> None:
        """The system reads files ahead by itself."""

    def read(self, begin: int, size: int) -> bytes:
        with reading(self.path):
            return os.pread(self.descriptor, size, begin)


@dataclass(slots=True)
class Framed:
    """An artifact of frames that is open: where each stands, and what its digest must be.

    ``taken`` is how many were read.
    """

    source: Ranged
    digests: tuple[str, ...]
    stored: tuple[int, ...]
    begins: tuple[int, ...]
    taken: int = 0

    @property
    def told(self) -> str:
        """How many of them were read."""
        return f"{self.taken:,} of its {len(self.digests):,} frames"

    @property
    def lacking(self) -> tuple[str, ...]:
        """Nothing: what was not read is in the same file."""
        return ()

    @property
    def size(self) -> int:
        """Bytes of the stream that it holds."""
        return self.begins[-1]

    def read(
        self,
        spans: tuple[Span, ...],
        unwanted: Callable[[Span], bool],
        on_stored: Callable[[bytes], object],
    ) -> Iterator[bytes | Span]:
        """The stream from begin to end; a span stands for its bytes where they were passed over.

        Where one of the spans (sorted) begins, and all before it was taken, ``unwanted`` says whether
        to pass over it. Of each frame that is read, ``on_stored`` gets the stored bytes.

        Raises:
            ArtifactCorrupt: a frame is not what its digest says.
            ArtifactError: the file cannot be read.
        """
        at, latest = 0, _Latest(self, on_stored)
        for span in spans:
            yield from self._between(at, span.begin, latest)
            at = span.begin
            if unwanted(span):
                yield span
                at = span.end
        yield from self._between(at, self.size, latest)

    def _between(self, begin: int, end: int, latest: _Latest) -> Iterator[bytes]:
        """These bytes of the stream."""
        if begin < end:
            latest.expect(bisect_right(self.begins, begin) - 1, bisect_left(self.begins, end))
        while begin < end:
            number = bisect_right(self.begins, begin) - 1
            first = self.begins[number]
            data = latest.frame(number)
            last = min(end, first + len(data))
            yield from (data[at - first : min(at + PIECE, last) - first] for at in range(begin, last, PIECE))
            begin = last

    def frame(self, number: int, on_stored: Callable[[bytes], object]) -> bytes:
        """The bytes of one frame, which is checked first."""
        size, position = self.stored[number + 1] - self.stored[number], self.stored[number]
        stored = self.source.read(position, size)
        if frame_digest(stored) != self.digests[number]:
            raise ArtifactCorrupt(
                f"{self.source.name} is corrupt: frame {number} is not what its manifest says"
            )
        on_stored(stored)
        length = self.begins[number + 1] - self.begins[number]
        return decoded(stored, length, f"{self.source.name} is corrupt: frame {number}")


def decoded(frame: bytes, size: int, told: str) -> bytes:
    """The bytes of one frame, of which the table says that there are so many.

    Raises:
        ArtifactCorrupt: it is damaged, or of another size; ``told`` names it.
    """
    decoder = zstd.ZstdDecompressor()
    try:
        data = decoder.decompress(frame, max_length=size + 1)  # a bomb is not let off
    except zstd.ZstdError as exc:
        raise ArtifactCorrupt(f"{told}: {exc}") from exc
    if len(data) != size or not decoder.eof or decoder.unused_data:
        raise ArtifactCorrupt(f"{told} is not as long as its table says")
    return data


@dataclass(slots=True)
class _Latest:
    """The frame that was read last: two stretches may meet in one."""

    frames: Framed
    on_stored: Callable[[bytes], object]
    number: int = -1
    data: bytes = b""

    def expect(self, first: int, end: int) -> None:
        """Says which frames are read next, up to the one before ``end``."""
        first += first == self.number
        if first < end:
            self.frames.source.expect(self.frames.stored[first], self.frames.stored[end])

    def frame(self, number: int) -> bytes:
        if number != self.number:
            self.data, self.number = self.frames.frame(number, self.on_stored), number
            self.frames.taken += 1
        return self.data


@contextmanager
def framed(path: Path, digests: tuple[str, ...]) -> Iterator[Framed | None]:
    """A file's frames; None where its table is not one of as many frames as there are digests."""
    with _opened(path) as source:
        yield frames_of(source, digests)


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    with reading(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with reading(path):
            size = os.fstat(descriptor).st_size
        yield _File(path, descriptor, size)
    finally:
        os.close(descriptor)


def frame_sizes(path: Path) -> Sizes | None:
    """What the table at a file's end says of its frames; None where there is none.

    Raises:
        ArtifactError: it cannot be read.
    """
    with _opened(path) as source:
        footer = source.read(max(0, source.size - _FOOTER.size), _FOOTER.size)
        return None if len(footer) < _FOOTER.size else _sizes(source, _FOOTER.unpack(footer)[0])


def frames_of(source: Ranged, digests: tuple[str, ...]) -> Framed | None:
    """The same of any stored bytes; the table alone is read."""
    sizes = _sizes(source, len(digests))
    if sizes is None:
        return None
    stored, begins = ((0, *accumulate(column)) for column in zip(*sizes, strict=True))
    return Framed(source, digests, stored, begins)


def _sizes(source: Ranged, frames: int) -> Sizes | None:
    """Stored size and size of each frame, as the table at the end says."""
    length = _ENTRY.size * frames + _FOOTER.size
    begin = source.size - length - _SKIPPABLE.size
    if not frames or begin < 0:
        return None
    table = source.read(begin, length + _SKIPPABLE.size)
    if len(table) < length + _SKIPPABLE.size or _SKIPPABLE.unpack_from(table) != (_SKIPPABLE_MAGIC, length):
        return None
    if _FOOTER.unpack_from(table, len(table) - _FOOTER.size) != (frames, 0, _SEEKABLE_MAGIC):
        return None
    sizes = tuple(_ENTRY.iter_unpack(table[_SKIPPABLE.size : -_FOOTER.size]))
    if sum(stored for stored, _ in sizes) != begin or max(size for _, size in sizes) > _LARGEST:
        return None
    return sizes
