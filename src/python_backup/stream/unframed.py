"""Decoding zstd frames side by side, where the table at a file's end says how long each is.

The stored bytes come in one stream all the same, so that they can be summed on the way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from python_backup.errors import ArtifactCorrupt
from python_backup.stream.frames import PIECE, Sizes, decoded, frame_sizes
from python_backup.stream.in_order import InOrder

WORKERS = min(3, os.cpu_count() or 1)
"""Two decode more than is lexed meanwhile; a third has its frame ready."""

LARGEST = 4 << 20
"""Bytes of the largest frame that this program writes: larger ones are decoded piece by piece."""


def sizes_of(path: Path) -> Sizes | None:
    """Stored size and size of each of a file's frames; None where they are not decoded side by side."""
    sizes = frame_sizes(path)
    if sizes is None or any(max(pair) > LARGEST + (LARGEST >> 7) for pair in sizes):
        return None
    return sizes


def unframed(stored: Iterator[bytes], sizes: Sizes, path: Path) -> Iterator[bytes]:
    """The data of all frames, in small blocks; the stored bytes pass to their end.

    Raises:
        ArtifactCorrupt: a frame is damaged, or not as long as the table says.
    """
    decoding: InOrder[bytes] = InOrder(WORKERS)
    for frame, size in _frames(stored, sizes, path):
        for data in decoding.begin(partial(decoded, frame, size, f"{path} is corrupt: a frame")):
            yield from _cut(data)
    for data in decoding.rest():
        yield from _cut(data)


def _frames(stored: Iterator[bytes], sizes: Sizes, path: Path) -> Iterator[tuple[bytes, int]]:
    held = bytearray()
    for length, size in sizes:
        while len(held) < length:
            block = next(stored, b"")
            if not block:
                raise ArtifactCorrupt(f"{path} is truncated: its compressed data has no end")
            held += block
        yield bytes(held[:length]), size
        del held[:length]
    for _ in stored:  # the table, which was read before
        pass


def _cut(data: bytes) -> Iterator[bytes]:
    return (data[at : at + PIECE] for at in range(0, len(data), PIECE))
