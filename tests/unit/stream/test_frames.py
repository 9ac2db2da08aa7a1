"""Artifacts of zstd frames: read by the stock tool, and in part."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing
from python_backup.model import Span
from python_backup.stream.frames import FrameEncoder, FrameStream, FrameTable, frame_digest, framed, frames_of
from python_backup.stream.stage import through

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZE = 1000
DATA = b"".join(b"%d\trow\n" % i for i in range(2000)) + os.urandom(2500)


def write(path: Path, data: bytes = DATA, cut: int = 333) -> tuple[str, ...]:
    encoder = FrameEncoder({}, SIZE, 2)
    blocks = (data[i : i + cut] for i in range(0, len(data), cut))
    path.write_bytes(b"".join(through(blocks, encoder)))
    return tuple(encoder.digests)


@pytest.mark.parametrize("data", [DATA, DATA[:SIZE], DATA[: 3 * SIZE], b""])
@pytest.mark.parametrize("cut", [333, 1000, 10**6])
def test_frames_made_in_one_thread_are_of_one_size_too(data: bytes, cut: int) -> None:
    blocks = (data[at : at + cut] for at in range(0, len(data), cut))
    stored = b"".join(through(blocks, FrameStream({}, SIZE)))
    assert subprocess.run(["zstd", "-dc"], input=stored, capture_output=True, check=True).stdout == data
    frames = max(1, -(-len(data) // SIZE))
    assert struct.unpack("<I", stored[-9:-5]) == (frames,)
    sizes = [size for _, size in struct.iter_unpack("<II", stored[-9 - 8 * frames : -9])]
    assert sizes == [*[SIZE] * (frames - 1), len(data) - SIZE * (frames - 1)]


@pytest.mark.parametrize("cut", [1, 333, 999, 1000, 1001, 7777, 10**6])
def test_frames_are_of_one_size_however_the_stream_was_cut_and_zstd_reads_them(
    tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "a.zst"
    digests = write(path, cut=cut)
    assert len(digests) == -(-len(DATA) // SIZE)
    assert subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout == DATA
    with framed(path, digests) as frames:
        assert frames is not None
        assert frames.size == len(DATA)
        assert b"".join(b for b in frames.read((), lambda _: True, len) if isinstance(b, bytes)) == DATA
        assert frames.begins[:3] == (0, SIZE, 2 * SIZE)


def test_an_empty_stream_has_one_frame(tmp_path: Path) -> None:
    digests = write(tmp_path / "a.zst", b"")
    with framed(tmp_path / "a.zst", digests) as frames:
        assert frames is not None
        assert (len(digests), frames.size) == (1, 0)


def test_what_is_passed_over_is_neither_read_nor_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    digests = write(path)
    spans = (Span(2100, 7900, 5), Span(8200, 9900, 7), Span(10_001, 10_002, 0))
    stored: list[bytes] = []
    answers = iter((True, False, True))
    with framed(path, digests) as frames:
        assert frames is not None
        for number in range(3, 7):  # those that hold nothing else
            with path.open("r+b") as file:
                file.seek(frames.stored[number] + 9)
                file.write(b"damage")
        blocks = list(frames.read(spans, lambda _: next(answers), stored.append))
    assert [block for block in blocks if isinstance(block, Span)] == [spans[0], spans[2]]
    read = b"".join(block for block in blocks if isinstance(block, bytes))
    assert read == DATA[:2100] + DATA[7900:10_001] + DATA[10_002:]
    assert [frame_digest(frame) for frame in stored] == [
        d for n, d in enumerate(digests) if n not in range(3, 7)
    ]


@dataclass(slots=True)
class Store:
    """Stored bytes that are asked for in ranges."""

    content: bytes
    name: str = "the store's object"
    asked: list[tuple[int, int]] = field(default_factory=list)
    expected: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.content)

    def expect(self, begin: int, end: int) -> None:
        self.expected.append((begin, end))

    def read(self, begin: int, size: int) -> bytes:
        self.asked.append((begin, size))
        return self.content[begin : begin + size]


def test_of_a_store_only_the_table_and_the_wanted_frames_are_asked_for(tmp_path: Path) -> None:
    digests = write(tmp_path / "a.zst")
    store = Store((tmp_path / "a.zst").read_bytes())
    frames = frames_of(store, digests)
    assert frames is not None
    end = frames.begins[-2]
    skipped = Span(1000, end, 0)
    blocks = list(frames.read((skipped,), lambda _: True, len))
    assert b"".join(b for b in blocks if isinstance(b, bytes)) == DATA[:1000] + DATA[end:]
    table = 8 + 8 * len(digests) + 9
    assert store.asked[0] == (store.size - table, table)
    assert [begin for begin, _ in store.asked[1:]] == [0, frames.stored[-2]]
    assert store.expected == [(0, frames.stored[1]), (frames.stored[-2], frames.stored[-1])]
    store.content = store.content[:40] + b"?" + store.content[41:]
    with pytest.raises(ArtifactCorrupt, match="the store's object is corrupt: frame 0"):
        list(frames.read((), lambda _: True, len))


def test_a_damaged_frame_that_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    digests = write(path)
    with framed(path, digests) as frames:
        assert frames is not None
        content = bytearray(path.read_bytes())
        content[frames.stored[4] + 9] ^= 1
        path.write_bytes(content)
        with pytest.raises(ArtifactCorrupt, match="frame 4 is not what its manifest says"):
            list(frames.read((), lambda _: False, len))


def test_other_files_have_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    digests = write(path)
    whole = path.read_bytes()
    for content in (b"", whole[:-1], whole[1:], whole + b"x", whole[:40], bytes(len(whole))):
        path.write_bytes(content)
        with framed(path, digests) as frames:
            assert frames is None
    path.write_bytes(whole)
    for other in ((), digests[:-1], (*digests, "0" * 16)):
        with framed(path, other) as frames:
            assert frames is None


def test_an_error_of_the_compressor_ends_the_stage() -> None:
    with pytest.raises(ValueError, match="parameter"):
        list(through([DATA], FrameEncoder({100_000: 1}, SIZE, 1)))


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.zst"
    digests = write(path)
    with pytest.raises(ArtifactMissing, match="gone"), framed(tmp_path / "gone", digests):
        pass
    with framed(path, digests) as frames:
        assert frames is not None

        def broken(*_: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "pread", broken)  # a disk that fails amid a file
        with pytest.raises(ArtifactError, match=r"a\.zst cannot be read: Input/output error"):
            list(frames.read((), lambda _: False, len))


def test_no_frame_becomes_more_than_its_table_says(tmp_path: Path) -> None:
    """Bytes behind a frame's own that are frames as well: a megabyte of them would fill the memory."""
    small, bomb = zstd.compress(b"x" * SIZE), zstd.compress(bytes(64 << 20))
    stored = small + bomb + bomb
    digests = (frame_digest(stored),)
    table = FrameTable()
    table.add(len(stored), SIZE)
    path = tmp_path / "a.zst"
    path.write_bytes(stored + table.stored())
    with framed(path, digests) as frames:
        assert frames is not None
        tracemalloc.start()
        try:
            with pytest.raises(ArtifactCorrupt, match="frame 0 is not as long as its table says"):
                frames.frame(0, len)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
