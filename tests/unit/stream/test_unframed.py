"""Frames that are decoded side by side."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt
from python_backup.stream.artifact import read_artifact
from python_backup.stream.frames import PIECE, FrameEncoder
from python_backup.stream.stage import through
from python_backup.stream.unframed import LARGEST, sizes_of, unframed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = b"".join(b"%d\trow\n" % i for i in range(20_000)) + os.urandom(2500)


def write(path: Path, size: int = 1000, data: bytes = DATA) -> None:
    path.write_bytes(b"".join(through([data], FrameEncoder({}, size, 2))))


def in_blocks(path: Path, size: int) -> Iterator[bytes]:
    content = path.read_bytes()
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("cut", [1, 100, 1001, 10**6])
def test_the_data_come_in_their_order_however_the_stored_bytes_are_cut(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.sql.zst"
    write(path)
    sizes = sizes_of(path)
    assert sizes is not None
    assert len(sizes) == -(-len(DATA) // 1000)
    assert b"".join(unframed(in_blocks(path, cut), sizes, path)) == DATA


def test_every_stored_byte_is_measured_and_blocks_are_small(tmp_path: Path) -> None:
    path = tmp_path / "a.sql.zst"
    write(path, 1 << 20, data := os.urandom(3 << 20) + b"x")
    stored = bytearray()
    blocks = list(read_artifact(path, on_stored=stored.extend))
    assert (bytes(stored), b"".join(blocks)) == (path.read_bytes(), data)
    assert max(map(len, blocks)) == PIECE


def test_a_damaged_frame_is_corrupt_and_what_stands_before_it_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "a.sql.zst"
    write(path)
    sizes = sizes_of(path)
    assert sizes is not None
    with path.open("r+b") as file:
        file.seek(sum(length for length, _ in sizes[:5]) + 9)
        file.write(b"damage")
    blocks = read_artifact(path)
    assert b"".join(next(blocks) for _ in range(5)) == DATA[:5000]
    with pytest.raises(ArtifactCorrupt, match="is corrupt"):
        list(blocks)


def test_a_frame_that_its_table_does_not_tell_the_truth_of_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.sql.zst"
    frame = zstd.compress(bytes(50 << 20))
    table = struct.pack("<IIII", 0x184D2A5E, 8 + 9, len(frame), 1000) + struct.pack("<IBI", 1, 0, 0x8F92EAB1)
    path.write_bytes(frame + table)
    with pytest.raises(ArtifactCorrupt, match="not as long as its table says"):
        list(read_artifact(path))


def test_a_file_that_became_shorter_since_its_table_was_read_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.sql.zst"
    write(path)
    sizes = sizes_of(path)
    assert sizes is not None
    with pytest.raises(ArtifactCorrupt, match="truncated"):
        list(unframed(iter([path.read_bytes()[:5000]]), sizes, path))


def test_large_frames_and_files_without_table_are_left_to_be_decoded_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.sql.zst"
    write(path, 2 * LARGEST, data := bytes(2 * LARGEST))
    assert sizes_of(path) is None
    assert b"".join(read_artifact(path)) == data
    for content in (b"", b"x", zstd.compress(DATA)):
        path.write_bytes(content)
        assert sizes_of(path) is None
