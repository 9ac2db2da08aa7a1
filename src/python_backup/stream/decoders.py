"""The decoders of `codecs`: stored blocks and the file's path (for errors) in, bounded pieces out.

Each must see its trailer, so that a truncated file is an error always; so are bytes behind the
trailer. A piece is at most 1 MiB whatever the data expands to, so that no bomb can fill the memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from isal import isal_zlib
from zlib_ng import zlib_ng

from python_backup.errors import ArtifactCorrupt
from python_backup.stream.zip import only_member

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 20
"""The most bytes that a decoder yields at once."""

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGICS = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
"""How frames begin that zstd readers skip (RFC 8878, 3.1.2); pzstd and others write them."""

_GZIP = 16 + isal_zlib.MAX_WBITS  # wbits for a gzip header and trailer
_BARE = -isal_zlib.MAX_WBITS  # wbits for deflate alone, as in zip
_INFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub calls it an instance


def plain(stored: Iterator[bytes], _path: Path) -> Iterator[bytes]:
    """The stored blocks, cut where they are too large."""
    for block in stored:
        if len(block) <= PIECE:
            yield block
        else:
            yield from (block[i : i + PIECE] for i in range(0, len(block), PIECE))


def gunzipped(stored: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Any number of gzip members; zeros behind the last are padding (tapes), as for gzip(1)."""
    inflate = isal_zlib.decompressobj(_GZIP)
    members = 0
    begun = False
    padding = False
    for block in stored:
        rest = block
        while rest:
            padding = padding or bool(members and not begun and rest[0] == 0)
            if padding:
                if rest.strip(b"\0"):
                    raise _garbage(path)
                break
            if members and not begun and not GZIP_MAGIC.startswith(rest[:2]):
                raise _garbage(path)
            begun = True
            yield from _inflated(inflate, rest, path)
            rest = b""
            if inflate.eof:
                rest, members, begun = inflate.unused_data, members + 1, False
                inflate = isal_zlib.decompressobj(_GZIP)
    if begun or not members:
        raise _truncated(path)


def _inflated(inflate: isal_zlib.Decompress, block: bytes, path: Path) -> Iterator[bytes]:
    """All output for one stored block, in bounded pieces."""
    rest = block
    while True:
        try:
            piece = inflate.decompress(rest, PIECE)
        except _INFLATE_ERROR as exc:
            raise ArtifactCorrupt(f"{path} is corrupt: {exc}") from exc
        if piece:
            yield piece
        rest = inflate.unconsumed_tail
        if inflate.eof or (not rest and len(piece) < PIECE):
            return


def unzipped(stored: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The one member's data, checked against the directory; the stored blocks pass to their end."""
    member = only_member(path)
    inflate = isal_zlib.decompressobj(_BARE)
    size = crc = 0
    for part in _between(stored, member.begin, member.begin + member.stored):
        if member.deflated and inflate.eof:
            raise _garbage(path)
        for piece in _inflated(inflate, part, path) if member.deflated else plain(iter((part,)), path):
            size += len(piece)
            crc = zlib_ng.crc32(piece, crc)
            yield piece
    if (member.deflated and (not inflate.eof or inflate.unused_data)) or (size, crc) != (
        member.size,
        member.crc,
    ):
        raise ArtifactCorrupt(f"{path} is corrupt: {member.name} is not what the archive's directory says")


def _between(blocks: Iterator[bytes], begin: int, end: int) -> Iterator[bytes]:
    """The bytes from ``begin`` to ``end`` of a stream that is read to its end."""
    position = 0
    for block in blocks:
        part = block[max(0, begin - position) : max(0, end - position)]
        position += len(block)
        if part:
            yield part


def unzstd(stored: Iterator[bytes], path: Path, most: int = PIECE) -> Iterator[bytes]:
    """Any number of frames, skippable ones among them, nothing behind the last; ``most`` bytes at once."""
    decompressor = zstd.ZstdDecompressor()
    frames = 0
    begun = False
    for block in stored:
        rest = block
        while rest:
            if frames and not begun and not _begins_frame(rest):
                raise _garbage(path)
            begun = True
            yield from _unzstd_block(decompressor, rest, path, most)
            rest = b""
            if decompressor.eof:
                rest, frames, begun = decompressor.unused_data, frames + 1, False
                decompressor = zstd.ZstdDecompressor()
    if begun or not frames:
        raise _truncated(path)


def _unzstd_block(
    decompressor: zstd.ZstdDecompressor, block: bytes, path: Path, most: int
) -> Iterator[bytes]:
    rest = block
    while True:
        try:
            piece = decompressor.decompress(rest, most)
        except zstd.ZstdError as exc:
            raise ArtifactCorrupt(f"{path} is corrupt: {exc}") from exc
        rest = b""
        if piece:
            yield piece
        if decompressor.eof or decompressor.needs_input:
            return


def _begins_frame(rest: bytes) -> bool:
    """Whether a zstd or skippable frame may begin so; the magic may be cut by the block's end."""
    return any(magic.startswith(rest[:4]) for magic in (ZSTD_MAGIC, *SKIPPABLE_MAGICS))


def _garbage(path: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(f"{path} is corrupt: foreign bytes follow the end of its data")


def _truncated(path: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(f"{path} is truncated: its compressed data has no end")
