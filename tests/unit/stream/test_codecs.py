"""Every format: written, read back, truncated at every byte, damaged at every bit."""

import bz2
import gzip
import io
import itertools
import os
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing, UsageError
from python_backup.model import Format
from python_backup.stream.artifact import format_of, read_artifact
from python_backup.stream.codecs import CODECS, Member, detect
from python_backup.stream.deflate import Deflate
from python_backup.stream.stage import through
from python_backup.stream.suffixes import SUFFIXES, named_format
from python_backup.stream.zip import ZipEncoder

MEMBER = Member("20260113_155440_mysql_dns_db.sql", datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC))
COMPRESSED = [Format.GZIP, Format.ZIP, Format.ZSTD]
SMALL = b"-- MySQL dump\nINSERT INTO t VALUES (1,'one'),(2,'two'),(3,'three');\n-- Dump completed\n"


def stored(kind: Format, *blocks: bytes, level: int | None = None) -> bytes:
    return b"".join(through(blocks, CODECS[kind].encoder(level, MEMBER)))


def read(tmp_path, content: bytes, name: str = "a.sql") -> bytes:
    path = tmp_path / name
    path.write_bytes(content)
    return b"".join(read_artifact(path))


def corrupt(tmp_path, content: bytes, name: str = "a.sql") -> str:
    with pytest.raises(ArtifactCorrupt) as caught:
        read(tmp_path, content, name)
    return caught.value.message


@pytest.mark.parametrize("kind", CODECS)
def test_what_is_written_is_read_back(tmp_path, kind):
    blocks = [b"-- ", os.urandom(300_000), b"row\n" * 900_000, b"x"]
    assert read(tmp_path, stored(kind, *blocks)) == b"".join(blocks)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_every_allowed_level_works_and_others_are_refused(tmp_path, kind):
    codec = CODECS[kind]
    assert codec.default_level in codec.levels
    for level in (codec.levels[0], codec.levels[-1]):
        assert read(tmp_path, stored(kind, SMALL, level=level)) == SMALL
    for level in (codec.levels[0] - 1, codec.levels[-1] + 1):
        with pytest.raises(UsageError, match=f"compression level {level} is not known"):
            codec.encoder(level, MEMBER)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_an_empty_stream_is_a_whole_artifact(tmp_path, kind):
    assert read(tmp_path, stored(kind)) == b""


@pytest.mark.parametrize("kind", CODECS)
def test_pieces_are_at_most_1_mib_whatever_they_expand_to(tmp_path, kind):
    path = tmp_path / "bomb"
    path.write_bytes(stored(kind, *[bytes(4 << 20)] * 16))
    sizes = [len(piece) for piece in read_artifact(path)]
    assert (sum(sizes), max(sizes) <= 1 << 20) == (64 << 20, True)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_file_cut_at_any_byte_is_corrupt(tmp_path, kind):
    whole = stored(kind, SMALL)
    name = "a" + SUFFIXES[kind]
    frames = len(whole) - 8 - 8 - 9  # there all data is whole, and only the table of one frame is missing
    for length in range(len(whole)):
        if kind is Format.ZSTD and length == frames:
            assert read(tmp_path, whole[:length], name) == SMALL
        else:
            assert name in corrupt(tmp_path, whole[:length], name)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_larger_file_cut_anywhere_is_corrupt(tmp_path, kind):
    whole = stored(kind, os.urandom(700_000), SMALL)
    for length in [*range(1, len(whole), 50_021), len(whole) - 1]:
        corrupt(tmp_path, whole[:length])


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_flipped_bit_is_found_or_changes_no_data(tmp_path, kind):
    whole = stored(kind, SMALL)
    found = 0
    for position, bit in itertools.product(range(4, len(whole)), (0, 3, 7)):  # the magic number is `detect`'s
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        try:
            assert read(tmp_path, bytes(damaged)) == SMALL
        except ArtifactCorrupt:
            found += 1
    assert found > len(SMALL)


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("garbage", [b"x", b"\n", b"-- Dump completed\n", b"\x1f", b"\x28\xb5", b"\0x"])
def test_bytes_behind_the_end_are_corrupt(tmp_path, kind, garbage):
    corrupt(tmp_path, stored(kind, SMALL) + garbage)


def test_zeros_behind_gzip_are_padding_as_for_gzip_itself(tmp_path):
    assert read(tmp_path, stored(Format.GZIP, SMALL) + bytes(300_000)) == SMALL


@pytest.mark.parametrize("kind", [Format.ZIP, Format.ZSTD])
def test_zeros_behind_zip_and_zstd_are_corrupt(tmp_path, kind):
    corrupt(tmp_path, stored(kind, SMALL) + bytes(10))


@pytest.mark.parametrize("kind", [Format.GZIP, Format.ZSTD])
def test_members_and_frames_follow_one_another(tmp_path, kind):
    assert read(tmp_path, stored(kind, SMALL) + stored(kind) + stored(kind, b"more")) == SMALL + b"more"


def test_a_second_member_that_begins_at_a_stored_blocks_edge_is_read(tmp_path):
    filler, edge = os.urandom(262_144), 262_144
    firsts = (stored(Format.GZIP, filler[:length]) for length in range(edge - 400, edge))
    first = next(first for first in firsts if len(first) == edge)
    assert read(tmp_path, first + stored(Format.GZIP, b"end")).endswith(b"end")
    assert "foreign bytes" in corrupt(tmp_path, first + b"end")


def test_skippable_frames_of_zstd_are_skipped(tmp_path):
    skippable = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert read(tmp_path, skippable + stored(Format.ZSTD, SMALL) + skippable) == SMALL


@pytest.mark.parametrize("kind", COMPRESSED)
def test_an_empty_file_whose_name_promises_a_compressed_dump_is_corrupt(tmp_path, kind):
    corrupt(tmp_path, b"", "a" + SUFFIXES[kind])


def test_an_empty_plain_file_is_left_to_the_lexer(tmp_path):
    assert read(tmp_path, b"") == b""


def test_a_file_is_what_its_bytes_are_not_its_name(tmp_path):
    assert read(tmp_path, SMALL, "a.sql.gz") == SMALL
    assert read(tmp_path, gzip.compress(SMALL), "a.sql") == SMALL


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"PGDMP\x01\x0e", Format.CUSTOM),
        (b"PK\x03\x04\x14", Format.ZIP),
        (b"\x1f\x8b\x08", Format.GZIP),
        (b"\x28\xb5\x2f\xfd\x04", Format.ZSTD),
        (b"\x50\x2a\x4d\x18", Format.ZSTD),
        (b"-- MySQL dump", Format.NONE),
        (b"PGDUMP", Format.NONE),
        (b"", Format.NONE),
    ],
)
def test_formats_are_told_by_their_first_bytes(head, expected):
    assert detect(head) == expected


def test_suffixes_tell_formats():
    names = ["a.sql", "a.sql.gz", "a.zip", "a.sql.zst", "a.dump", "a.sha256", "a.gz.sql"]
    assert [named_format(name) for name in names] == [
        Format.NONE, Format.GZIP, Format.ZIP, Format.ZSTD, Format.CUSTOM, None, Format.NONE,
    ]  # fmt: skip


@pytest.mark.parametrize("others", [0, 999])
@pytest.mark.parametrize("kind", CODECS)
def test_every_stored_byte_is_told_once_and_in_order(tmp_path, kind, others):
    path = tmp_path / "a"
    raw = os.urandom(1_600_000)
    content = stored(kind, raw)
    path.write_bytes(content)
    told = bytearray()
    assert b"".join(read_artifact(path, on_stored=told.extend, others=others)) == raw
    assert bytes(told) == content


@pytest.mark.parametrize("others", [0, 999])
@pytest.mark.parametrize("kind", COMPRESSED)
def test_an_error_in_the_reading_thread_crosses_over(tmp_path, kind, others):
    path = tmp_path / "a.sql"
    path.write_bytes(stored(kind, SMALL)[:-30])
    with pytest.raises(ArtifactCorrupt, match=r"truncated|no whole"):
        list(read_artifact(path, on_stored=len, others=others))


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ArtifactMissing, match=r"there is no file .*gone"):
        list(read_artifact(tmp_path / "gone"))
    with pytest.raises(ArtifactCorrupt, match="is a folder"):
        format_of(tmp_path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        format_of(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("kind", "tool"),
    [
        (Format.GZIP, ("gzip", "-dc")),
        (Format.GZIP, ("pigz", "-dc")),
        (Format.GZIP, ("busybox", "gunzip", "-c")),
        (Format.GZIP, ("bsdcat",)),
        (Format.GZIP, ("7z", "x", "-so")),
        (Format.ZIP, ("unzip", "-p")),
        (Format.ZIP, ("busybox", "unzip", "-p")),
        (Format.ZIP, ("bsdtar", "-xOf")),
        (Format.ZIP, ("7z", "x", "-so")),
        (Format.ZSTD, ("zstd", "-dc")),
    ],
    ids=lambda given: given if isinstance(given, str) else given[0],
)
def test_stock_tools_read_what_is_written(tmp_path, kind, tool):
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not on this machine, so it was not seen to read {kind}")
    path = tmp_path / ("a" + SUFFIXES[kind])
    content = SMALL * 40_000 + os.urandom(1000)  # several chunks
    path.write_bytes(stored(kind, content))
    done = subprocess.run([*tool, str(path)], capture_output=True, check=False)
    assert (done.returncode, done.stdout == content, done.stderr) == (0, True, b"")


def test_the_zip_archive_has_one_member_that_python_reads():
    with zipfile.ZipFile(io.BytesIO(stored(Format.ZIP, SMALL, SMALL))) as archive:
        (info,) = archive.infolist()
        assert archive.testzip() is None
        assert (info.filename, info.date_time, info.file_size) == (
            MEMBER.name,
            (2026, 1, 13, 15, 54, 40),
            2 * len(SMALL),
        )
        assert (info.external_attr >> 16, archive.read(info)) == (0o100600, SMALL * 2)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_archives_of_others_are_read(tmp_path, method):
    assert read(tmp_path, zipped(("dump/", b""), ("dump/a.sql", SMALL), method=method)) == SMALL


def test_a_zip_archive_with_a_comment_is_read(tmp_path):
    file = io.BytesIO(zipped(("a.sql", SMALL)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"made by another"
    assert read(tmp_path, file.getvalue()) == SMALL
    corrupt(tmp_path, file.getvalue() + b"!")


def test_a_zip_archive_of_several_files_is_refused_with_their_names(tmp_path):
    assert "holds 2 files, not one dump: a.sql, b.sql" in corrupt(
        tmp_path, zipped(("a.sql", b"1"), ("b.sql", b"2"))
    )


def test_a_zip_archive_without_files_is_refused(tmp_path):
    assert "holds 0 files, not one dump: none" in corrupt(tmp_path, zipped())


def test_an_encrypted_zip_archive_is_refused(tmp_path):
    content = bytearray(zipped(("a.sql", SMALL)))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted: a.sql" in corrupt(tmp_path, bytes(content))


def test_a_zip_archive_by_another_method_is_refused(tmp_path):
    content = zipped(("a.sql", SMALL), method=zipfile.ZIP_BZIP2)
    assert "compressed by method 12, not deflate" in corrupt(tmp_path, content)


def test_a_bzip2_file_is_no_known_format(tmp_path):
    assert detect(bz2.compress(SMALL)) == Format.NONE


def test_the_directory_of_a_dump_of_more_than_4_gib_is_of_zip64():
    deflate = Deflate(1, 1)
    encoder = ZipEncoder(deflate, MEMBER.name, MEMBER.modified)
    begun = b"".join(encoder.feed(SMALL))
    deflate.size += 5 << 30  # as if so much more had passed
    with zipfile.ZipFile(io.BytesIO(begun + b"".join(encoder.finish()))) as archive:
        (info,) = archive.infolist()
    assert (info.file_size, info.extra[:4]) == (len(SMALL) + (5 << 30), b"\x01\x00\x10\x00")
