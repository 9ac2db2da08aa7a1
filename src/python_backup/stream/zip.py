"""The ZIP format with exactly one member: written as a stream, located for reading.

Written by hand since `zipfile` compresses with zlib, in one thread. Source of the
layout: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5. Sizes are not known when the local header
is written, so they follow the data in a descriptor, and that header announces ZIP64; the directory has
ZIP64 only where sizes ask for it, for busybox knows none.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_backup.errors import ArtifactCorrupt
from python_backup.stream.deflate import Deflate

_VERSION = 45  # the first with ZIP64
_FLAGS = 0x0808  # sizes in a descriptor behind the data; the name is UTF-8
_DEFLATED = 8
_MADE_BY_UNIX = 3 << 8
_MODE = 0o100600 << 16
_LATER = 0xFFFFFFFF  # "see the ZIP64 field"
_LOCAL_HEADER = 30
_SIZES = 20  # bytes of the ZIP64 field
_LAST_RECORD = 22
_FILES_TOLD = 8


class ZipEncoder:
    """A stage that makes a ZIP archive with one member of its stream.

    ``modified`` is written as it stands, to two seconds.
    """

    def __init__(self, deflate: Deflate, member: str, modified: datetime) -> None:
        self._name = member.encode("utf-8", "replace")
        self._stamp = _dos_time(modified)
        self._deflate = deflate
        self._stored = 0
        self._begun = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """The compressed bytes that are ready."""
        yield from self._head()
        yield from self._counted(self._deflate.feed(block))

    def finish(self) -> Iterator[bytes]:
        """The last compressed bytes, the descriptor and the central directory."""
        yield from self._head()
        yield from self._counted(self._deflate.finish())
        yield self._tail()

    def _head(self) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            sizes_later = struct.pack("<HHQQ", 1, 16, 0, 0)
            yield (
                struct.pack("<4s3H2H3L2H", b"PK\x03\x04", _VERSION, _FLAGS, _DEFLATED, *self._stamp,
                            0, _LATER, _LATER, len(self._name), len(sizes_later))
                + self._name
                + sizes_later
            )  # fmt: skip

    def _counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._stored += len(block)
            yield block

    def _tail(self) -> bytes:
        crc, size = self._deflate.crc, self._deflate.size
        descriptor = struct.pack("<4sLQQ", b"PK\x07\x08", crc, self._stored, size)
        begin = _LOCAL_HEADER + len(self._name) + _SIZES + self._stored + len(descriptor)
        large = max(size, begin) >= _LATER
        sizes = struct.pack("<HHQQ", 1, 16, size, self._stored) if large else b""
        told = (_LATER, _LATER) if large else (self._stored, size)
        entry = (
            struct.pack("<4s4H2H3L5H2L", b"PK\x01\x02", _MADE_BY_UNIX | _VERSION, _VERSION, _FLAGS,
                        _DEFLATED, *self._stamp, crc, *told, len(self._name), len(sizes), 0, 0, 0, _MODE, 0)
            + self._name
            + sizes
        )  # fmt: skip
        last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), _LATER if large else begin, 0)
        return descriptor + entry + (_large_end(begin, len(entry)) if large else b"") + last


def _large_end(begin: int, length: int) -> bytes:
    """ZIP64's record of where the directory begins and how long it is, and where that record stands."""
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, _MADE_BY_UNIX | _VERSION, _VERSION, 0, 0, 1, 1,
                      length, begin)  # fmt: skip
    return end + struct.pack("<4sLQL", b"PK\x06\x07", 0, begin + length, 1)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Time and date words; the format's years begin with 1980."""
    date = max(moment.year - 1980, 0) << 9 | moment.month << 5 | moment.day
    return moment.hour << 11 | moment.minute << 5 | moment.second // 2, date


@dataclass(frozen=True, slots=True)
class Located:
    """Where an archive's one file lies: its stored bytes are ``begin`` to ``begin + stored``."""

    name: str
    deflated: bool
    begin: int
    stored: int
    size: int
    crc: int


def only_member(path: Path) -> Located:
    """The one file of an archive, found through its central directory.

    Raises:
        ArtifactCorrupt: no ZIP archive, truncated, encrypted, several files, or a compression
            other than deflate.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            comment = len(archive.comment)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as exc:
        raise ArtifactCorrupt(f"{path} is no whole zip archive: {exc}") from exc
    if len(files) != 1:
        names = ", ".join(info.filename for info in files[:_FILES_TOLD]) or "none"
        more = ", …" if len(files) > _FILES_TOLD else ""
        raise ArtifactCorrupt(
            f"{path} holds {len(files)} files, not one dump: {names}{more}",
            hint="Unpack the archive and restore the dump that you mean with --file.",
        )
    info = files[0]
    if info.flag_bits & 0x41:
        raise ArtifactCorrupt(
            f"{path} is encrypted: {info.filename}", hint="Unpack it with its password first."
        )
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArtifactCorrupt(
            f"{path} is compressed by method {info.compress_type}, not deflate",
            hint="Unpack the archive first.",
        )
    _check_end(path, comment)
    return Located(
        info.filename,
        info.compress_type == zipfile.ZIP_DEFLATED,
        _data_begin(path, info.header_offset),
        info.compress_size,
        info.file_size,
        info.CRC,
    )


def _check_end(path: Path, comment: int) -> None:
    """Sees to it that the directory's end is the file's end, which `zipfile` does not ask for."""
    with path.open("rb") as file:
        file.seek(-_LAST_RECORD - comment, os.SEEK_END)
        if file.read(4) != b"PK\x05\x06":
            raise ArtifactCorrupt(f"{path} is corrupt: foreign bytes follow the end of its data")


def _data_begin(path: Path, header: int) -> int:
    """Where the data begins: the local header's name and extra fields are its own."""
    with path.open("rb") as file:
        file.seek(max(header, 0))
        local = file.read(_LOCAL_HEADER)
    if header < 0 or len(local) < _LOCAL_HEADER or local[:4] != b"PK\x03\x04":
        raise ArtifactCorrupt(f"{path} has no zip header where its directory says")
    name, extra = struct.unpack_from("<2H", local, 26)
    return int(header + _LOCAL_HEADER + name + extra)
