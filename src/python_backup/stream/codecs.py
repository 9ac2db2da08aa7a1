"""One table of the formats that artifacts are stored in: how to write each, how to read it back.

An encoder is a stage; a decoder is one of `decoders`. pg_dump's ``custom`` format passes through
here as it is; only pg_restore reads it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

from python_backup.errors import UsageError
from python_backup.model import Format
from python_backup.stream.apart import crowded
from python_backup.stream.decoders import SKIPPABLE_MAGICS, ZSTD_MAGIC, gunzipped, plain, unzipped, unzstd
from python_backup.stream.deflate import Deflate, GzipEncoder
from python_backup.stream.frames import PIECE, FrameEncoder, FrameStream
from python_backup.stream.stage import Stage
from python_backup.stream.suffixes import SUFFIXES
from python_backup.stream.unframed import sizes_of, unframed
from python_backup.stream.zip import ZipEncoder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_WORKERS = min(2, os.cpu_count() or 1)  # two keep up with a dump
_ZSTD_FRAME = 1 << 20  # bytes; larger ones are up to 1 % smaller, and one table is read from more
_ZSTD_TUNED: Mapping[int, Mapping[int, int]] = {  # found on dumps; bytes of a match, log2 of tables' entries
    3: {
        zstd.CompressionParameter.min_match: 6,  # digits get 5 % smaller and faster, prose 1 % larger
        zstd.CompressionParameter.hash_log: 15,  # both tables stay in the processor's cache: half the time of
        zstd.CompressionParameter.chain_log: 15,  # 17 and 16, and 0.5 % larger where texts are long
    },
    4: {zstd.CompressionParameter.min_match: 6},
}
_ZSTD_SLOW = 13  # the level from which on memory bounds the workers to one, and larger frames are worth it
_ZSTD_SLOW_FRAME = 4 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """The dump's own name and time, for formats that keep them: ``20260113_155440_mysql_a.sql``."""

    name: str
    modified: datetime


Decode = Callable[[Iterator[bytes], Path], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Codec:
    """One format. ``levels`` is empty for a format without compression of its own."""

    format: Format
    levels: range
    default_level: int
    encode: Callable[[int, Member], Stage]
    decode: Decode

    def encoder(self, level: int | None, member: Member) -> Stage:
        """A new stage that writes this format; None is the default level.

        Raises:
            UsageError: the level is not one of ``levels``.
        """
        if level is None:
            level = self.default_level
        elif self.levels and level not in self.levels:
            raise UsageError(
                f"compression level {level} is not known to {SUFFIXES[self.format]}",
                hint=f"Use --level {self.levels[0]} to {self.levels[-1]}.",
            )
        return self.encode(level, member)


class Plain:
    """A stage that changes nothing."""

    def feed(self, block: bytes) -> tuple[bytes]:
        """The block itself."""
        return (block,)

    def finish(self) -> tuple[()]:
        """Nothing."""
        return ()


def _gzip_encoder(level: int, _member: Member) -> Stage:
    return GzipEncoder(level, _WORKERS)


def _zstd_encoder(level: int, _member: Member) -> Stage:
    if level < _ZSTD_SLOW:
        return FrameEncoder(_zstd_options(level), _ZSTD_FRAME, _WORKERS)
    return FrameEncoder(_zstd_options(level), _ZSTD_SLOW_FRAME, 1)


def _zstd_options(level: int) -> dict[int, int]:
    parameter = zstd.CompressionParameter
    tuned = _ZSTD_TUNED.get(level, {})
    return {parameter.compression_level: level, parameter.checksum_flag: 1, **tuned}


def _unzstd(stored: Iterator[bytes], path: Path) -> Iterator[bytes]:
    sizes = sizes_of(path)
    return unzstd(stored, path) if sizes is None else unframed(stored, sizes, path)


def _zip_encoder(level: int, member: Member) -> Stage:
    return ZipEncoder(Deflate(level, _WORKERS), member.name, member.modified)


CODECS: Mapping[Format, Codec] = MappingProxyType(
    {
        codec.format: codec
        for codec in (
            Codec(Format.NONE, range(0), 0, lambda _level, _member: Plain(), plain),
            # level 2 (isal) compresses a dump as small as zlib 6 does, at eight times its speed
            Codec(Format.GZIP, range(1, 10), 2, _gzip_encoder, gunzipped),
            Codec(Format.ZIP, range(1, 10), 2, _zip_encoder, unzipped),
            Codec(Format.ZSTD, range(1, 23), 3, _zstd_encoder, _unzstd),
            Codec(Format.CUSTOM, range(0), 0, lambda _level, _member: Plain(), plain),
        )
    }
)


def encoder_beside(level: int | None, member: Member, others: int) -> Stage:
    """A new stage that writes zstd beside so many others; raises as `Codec.encoder`."""
    stage = CODECS[Format.ZSTD].encoder(level, member)
    if not crowded(others):
        return stage
    level = CODECS[Format.ZSTD].default_level if level is None else level
    return FrameStream(_zstd_options(level), _ZSTD_FRAME if level < _ZSTD_SLOW else _ZSTD_SLOW_FRAME)


def decode_beside(stored_as: Format, others: int) -> Decode:
    """What decodes the format, and leaves the cores to so many others who do alike."""
    if stored_as is Format.ZSTD and crowded(others):
        return partial(unzstd, most=PIECE)
    return CODECS[stored_as].decode


_MAGICS: tuple[tuple[bytes, Format], ...] = (
    (b"PK\x03\x04", Format.ZIP),  # before custom: a file of the byte "P" alone must fail
    (b"PGDMP", Format.CUSTOM),
    (b"PK\x05\x06", Format.ZIP),  # an archive without files
    (b"\x1f\x8b", Format.GZIP),
    (ZSTD_MAGIC, Format.ZSTD),
    *((magic, Format.ZSTD) for magic in SKIPPABLE_MAGICS),
)


def detect(head: bytes) -> Format:
    """The format of a file that begins so (5 bytes are enough); none where no magic number fits.

    A whole file that is shorter than a magic number and begins one is taken for a truncated one.
    """
    for magic, found in _MAGICS:
        if head.startswith(magic) or (head and magic.startswith(head)):
            return found
    return Format.NONE
