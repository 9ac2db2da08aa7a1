"""The table of contents of a folder of ``pg_dump -Fd``: the files that it names are the folder's own.

pg_restore puts each name behind the folder's without looking at it (pg_backup_directory.c: setFilePath,
_LoadLOs), so ``../../etc/x`` in a hostile archive would be read as rows. The form is that of
pg_backup_archiver.c (ReadHead, ReadToc, ReadInt, ReadStr): archives 1.12 to 1.16, of PostgreSQL 9.0 to 18.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactMissing
from python_backup.stream.artifact import TABLE_OF_CONTENTS

Version = tuple[int, int]

_KNOWN = range(12, 17)
"""The second numbers of the archive versions (1.N) whose entries are known here."""

_DATA = re.compile(rb"\d+\.dat|blobs(_\d+)?\.toc")
_LARGE_OBJECT = re.compile(rb"\d+ blob_\d+\.dat")
_FILE = re.compile(r"toc\.dat|(\d+|blob_\d+)\.dat(\.gz|\.lz4|\.zst)?|blobs(_\d+)?\.toc")

_HEAD = 5
"""Bytes of the magic number; three of the version and one each of the sizes and the form follow."""


def check(folder: Path) -> None:
    """Refuses a folder whose tables of contents name anything but its own files.

    Raises:
        ArtifactMissing: a file cannot be read.
        ArtifactCorrupt: a name leads elsewhere, or the contents cannot be made out.
    """
    for file in sorted(folder.iterdir()):
        if not _FILE.fullmatch(file.name):
            raise _corrupt(folder, f"{file.name!r} is no file of an archive")
        if file.suffix == ".toc":
            for line in _content(file).splitlines():
                if not _LARGE_OBJECT.fullmatch(line):
                    raise _corrupt(folder, f"{file.name} names {_shown(line)}")
    for name in _named(folder, _content(folder / TABLE_OF_CONTENTS)):
        if not _DATA.fullmatch(name):
            raise _corrupt(folder, f"{TABLE_OF_CONTENTS} names {_shown(name)}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise ArtifactMissing(f"{file}: {exc.strerror}") from exc


def _corrupt(folder: Path, why: str) -> ArtifactCorrupt:
    return ArtifactCorrupt(f"{folder} is no folder that pg_dump wrote: {why}")


def _shown(name: bytes) -> str:
    return repr(name[:80].decode("utf-8", "backslashreplace"))


def _named(folder: Path, content: bytes) -> Iterator[bytes]:
    """The data file of each entry that has one."""
    try:
        version: Version = (content[_HEAD], content[_HEAD + 1])
        if version[0] != 1 or version[1] not in _KNOWN:
            raise _corrupt(folder, f"archives of version {version[0]}.{version[1]} are not known")
        reader = _Reader(content, _HEAD + 6, content[_HEAD + 3])
        _pass_head(reader, version)
        for _ in range(reader.number()):
            name = _data_file(reader, version)
            if name:
                yield name
    except IndexError:
        raise _corrupt(folder, f"{TABLE_OF_CONTENTS} ends too early") from None


@dataclass(slots=True)
class _Reader:
    """Reads what WriteInt and WriteStr wrote; IndexError at the end."""

    content: bytes
    at: int
    width: int

    def number(self) -> int:
        """A byte for the sign, then the bytes from the lowest on."""
        sign, *digits = self._taken(1 + self.width)
        value = int.from_bytes(digits, "little")
        return -value if sign else value

    def text(self) -> bytes | None:
        """Its length, then its bytes; None is of length -1."""
        length = self.number()
        return None if length < 0 else self._taken(length)

    def texts(self, count: int) -> None:
        """Passes over so many texts."""
        for _ in range(count):
            self.text()

    def _taken(self, size: int) -> bytes:
        found = self.content[self.at : self.at + size]
        if len(found) < size:
            raise IndexError
        self.at += size
        return found


def _pass_head(reader: _Reader, version: Version) -> None:
    """Compression, seven numbers of the time, and the names of database, server and program."""
    if version >= (1, 15):
        reader.at += 1
    else:
        reader.number()
    for _ in range(7):
        reader.number()
    reader.texts(3)


def _data_file(reader: _Reader, version: Version) -> bytes | None:
    """Passes over one entry; its last text is the file."""
    reader.number()
    reader.number()
    reader.texts(4)  # tableoid, oid, tag, description
    reader.number()  # section
    reader.texts(5)  # definition, drop and copy statements, namespace, tablespace
    if version >= (1, 14):
        reader.text()  # table access method
    if version >= (1, 16):
        reader.number()  # relkind
    reader.texts(2)  # owner, with oids
    while reader.text() is not None:
        pass  # what it depends on
    return reader.text()
