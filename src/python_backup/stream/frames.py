"""zstd in independent frames, with the seekable format's table at the end: any zstd reads it through.

Frames are compressed side by side, and one of them can be read without those before it. The table is
``zstd_seekable_compression_format.md`` 0.1.0 of facebook/zstd, without its optional checksums: a
skippable frame of (stored size, size) for each frame, and a footer.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from blake3 import blake3

from python_backup.errors import ArtifactCorrupt
from python_backup.model import Span
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
_PIECE = 256 << 10  # what is lexed at once stays in the cache


def frame_digest(stored: bytes) -> str:
    """What a manifest says of one frame: the first 16 hex digits of BLAKE3 over its stored bytes."""
    return blake3(stored).hexdigest()[:_DIGITS]


@dataclass(slots=True)
class FrameEncoder:
    """A stage that writes one frame for each ``size`` bytes; ``digests`` has each one's `frame_digest`."""

    options: Mapping[int, int]
    size: int
    workers: int
    digests: list[str] = field(default_factory=list)
    _held: list[bytes] = field(default_factory=list)
    _held_size: int = 0
    _under_way: deque[tuple[Future[bytes], int]] = field(default_factory=deque)
    _entries: bytearray = field(default_factory=bytearray)

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Whole frames, as many as are ready."""
        rest = memoryview(block)
        while self._held_size + len(rest) >= self.size:
            cut = self.size - self._held_size
            self._hold(bytes(rest[:cut]))
            while len(self._under_way) >= self.workers:
                yield self._ready()
            self._begin()
            rest = rest[cut:]
        if rest:
            self._hold(block if len(rest) == len(block) else bytes(rest))

    def finish(self) -> Iterator[bytes]:
        """The frames that are left, at least one in all, and the table."""
        if self._held or not (self._entries or self._under_way):
            self._begin()
        while self._under_way:
            yield self._ready()
        yield self._table()

    def _hold(self, part: bytes) -> None:
        self._held.append(part)
        self._held_size += len(part)

    def _begin(self) -> None:
        parts, size = self._held, self._held_size
        self._held, self._held_size = [], 0
        future: Future[bytes] = Future()
        arguments = (future, dict(self.options), parts, size)
        threading.Thread(target=_compress, args=arguments, name="zstd", daemon=True).start()
        self._under_way.append((future, size))

    def _ready(self) -> bytes:
        future, size = self._under_way.popleft()
        stored = future.result()
        self._entries += _ENTRY.pack(len(stored), size)
        self.digests.append(frame_digest(stored))
        return stored

    def _table(self) -> bytes:
        footer = _FOOTER.pack(len(self._entries) // _ENTRY.size, 0, _SEEKABLE_MAGIC)
        return _SKIPPABLE.pack(_SKIPPABLE_MAGIC, len(self._entries) + _FOOTER.size) + self._entries + footer


def _compress(future: Future[bytes], options: dict[int, int], parts: list[bytes], size: int) -> None:
    """Runs in a thread of its own, for which an end of the program does not wait: level 22 takes seconds."""
    try:
        compressor = zstd.ZstdCompressor(options=options)
        compressor.set_pledged_input_size(size)  # its tables are made no larger than that asks for
        future.set_result(compressor.compress(b"".join(parts), zstd.ZstdCompressor.FLUSH_FRAME))
    except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
        future.set_exception(exc)


@dataclass(frozen=True, slots=True)
class Framed:
    """An artifact of frames that is open: where each stands, and what its digest must be."""

    path: Path
    descriptor: int
    digests: tuple[str, ...]
    stored: tuple[int, ...]
    begins: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the stream that it holds."""
        return self.begins[-1]

    def read(
        self,
        spans: tuple[Span, ...],
        unwanted: Callable[[], bool],
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
            if unwanted():
                yield span
                at = span.end
        yield from self._between(at, self.size, latest)

    def _between(self, begin: int, end: int, latest: _Latest) -> Iterator[bytes]:
        """These bytes of the stream."""
        while begin < end:
            number = bisect_right(self.begins, begin) - 1
            first = self.begins[number]
            data = latest.frame(number)
            last = min(end, first + len(data))
            yield from (
                data[at - first : min(at + _PIECE, last) - first] for at in range(begin, last, _PIECE)
            )
            begin = last

    def frame(self, number: int, on_stored: Callable[[bytes], object]) -> bytes:
        """The bytes of one frame, which is checked first."""
        size, position = self.stored[number + 1] - self.stored[number], self.stored[number]
        with reading(self.path):
            stored = os.pread(self.descriptor, size, position)
        if frame_digest(stored) != self.digests[number]:
            raise ArtifactCorrupt(f"{self.path} is corrupt: frame {number} is not what its manifest says")
        on_stored(stored)
        length = self.begins[number + 1] - self.begins[number]
        try:
            if zstd.get_frame_info(stored).decompressed_size == length:
                return zstd.decompress(stored)
        except zstd.ZstdError as exc:
            raise ArtifactCorrupt(f"{self.path} is corrupt: frame {number}: {exc}") from exc
        raise ArtifactCorrupt(f"{self.path} is corrupt: frame {number} is not as long as its table says")


@dataclass(slots=True)
class _Latest:
    """The frame that was read last: two stretches may meet in one."""

    frames: Framed
    on_stored: Callable[[bytes], object]
    number: int = -1
    data: bytes = b""

    def frame(self, number: int) -> bytes:
        if number != self.number:
            self.data, self.number = self.frames.frame(number, self.on_stored), number
        return self.data


@contextmanager
def framed(path: Path, digests: tuple[str, ...]) -> Iterator[Framed | None]:
    """The artifact's frames; None where its table is not one of as many frames as there are digests."""
    with reading(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with reading(path):
            sizes = _sizes(descriptor, os.fstat(descriptor).st_size, len(digests))
        if sizes is None:
            yield None
        else:
            stored, begins = ((0, *accumulate(column)) for column in zip(*sizes, strict=True))
            yield Framed(path, descriptor, digests, stored, begins)
    finally:
        os.close(descriptor)


def _sizes(descriptor: int, size: int, frames: int) -> tuple[tuple[int, int], ...] | None:
    """Stored size and size of each frame, as the table at the file's end says."""
    length = _ENTRY.size * frames + _FOOTER.size
    begin = size - length - _SKIPPABLE.size
    if not frames or begin < 0:
        return None
    table = os.pread(descriptor, length + _SKIPPABLE.size, begin)
    if _SKIPPABLE.unpack_from(table) != (_SKIPPABLE_MAGIC, length):
        return None
    if _FOOTER.unpack_from(table, len(table) - _FOOTER.size) != (frames, 0, _SEEKABLE_MAGIC):
        return None
    sizes = tuple(_ENTRY.iter_unpack(table[_SKIPPABLE.size : -_FOOTER.size]))
    if sum(stored for stored, _ in sizes) != begin or max(size for _, size in sizes) > _LARGEST:
        return None
    return sizes
