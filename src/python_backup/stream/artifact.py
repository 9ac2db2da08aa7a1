"""An artifact read back: its stored bytes in one pass, decoded, and measured on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from python_backup.errors import ArtifactCorrupt
from python_backup.late import late
from python_backup.model import Format
from python_backup.stream.apart import apart_beside
from python_backup.stream.members import Sum, is_parts, joined_sum, members
from python_backup.stream.reading import reading
from python_backup.stream.suffixes import named_format

if TYPE_CHECKING:
    from python_backup.stream import codecs
else:
    (codecs,) = late(__package__, "codecs")  # who asks for an artifact's size decodes nothing

TABLE_OF_CONTENTS = "toc.dat"
"""The file that tells a folder of ``pg_dump -Fd``."""

_STORED_BLOCK = 256 << 10  # small enough that what it expands to stays in the cache


def format_of(path: Path) -> Format:
    """The format of a file by its bytes; an empty file is what its name promises. A folder may be in parts.

    A folder is one where it is pg_dump's.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactError: it cannot be read.
    """
    if is_parts(path):
        return Format.PARTS
    with reading(path):
        if (path / TABLE_OF_CONTENTS).is_file():
            return Format.DIRECTORY
        with path.open("rb") as file:
            head = file.read(8)
    if head:
        return codecs.detect(head)
    return named_format(path.name) or Format.NONE


def read_artifact(
    path: Path, *, on_stored: Callable[[bytes], object] | None = None, others: int = 0
) -> Iterator[bytes]:
    """The decoded blocks of a file, each at most 1 MiB; custom archives come as they are, parts joined.

    ``on_stored`` gets every stored byte, in order (``hashlib.sha256().update``); then reading and
    measuring run in a thread of their own, and ``on_stored`` is called there. When the iterator has
    ended well, all stored bytes were read, measured and found whole. Where so many ``others`` that are read
    at the same time take every other core, all is done in the caller's thread.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactCorrupt: truncated, damaged, followed by foreign bytes, several files, or encrypted.
        ArtifactError: it cannot be read.
    """
    stored_as = format_of(path)
    if stored_as is Format.PARTS:
        for member in members(path):
            yield from read_artifact(member, on_stored=on_stored, others=others)
        return
    decode = codecs.decode_beside(stored_as, others)
    with reading(path):
        if on_stored is None:
            yield from decode(stored_blocks(path), path)
            return
        with apart_beside(_tapped(stored_blocks(path), on_stored), others, depth=8) as stored:
            yield from decode(stored, path)


def new_sum(path: Path, algorithm: str) -> Sum:
    """What an artifact's stored bytes are summed with; of one in parts, the sum of its checksum file."""
    if is_parts(path):
        return joined_sum(path)
    return hashlib.new(algorithm, usedforsecurity=False)


def stored_blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes as they are stored; of an archive in a folder those of all its files, by their names.

    Raises:
        ArtifactCorrupt: there is something else than a file in the folder: it may lead out of it.
    """
    for part in files_of(path):
        with part.open("rb", buffering=0) as file:
            while block := file.read(_STORED_BLOCK):
                yield block


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that an artifact is made of, in their order; raises as `stored_blocks`."""
    if is_parts(path):
        return members(path)
    if not path.is_dir():
        return (path,)
    found = tuple(sorted(path.iterdir()))
    for part in found:
        if part.is_symlink() or not part.is_file():
            raise ArtifactCorrupt(f"{path} holds what is no file of an archive: {part.name}")
    return found


def stored_size(path: Path) -> int:
    """The bytes of all of them."""
    with reading(path):
        return sum(part.stat().st_size for part in files_of(path))


def stored_digest(path: Path, algorithm: str) -> Sum:
    """The sum of all of them; raises as `stored_blocks`, and as `read_artifact` where there are none."""
    with reading(path):
        digest = new_sum(path, algorithm)
        for block in stored_blocks(path):
            digest.update(block)
    return digest


def _tapped(blocks: Iterator[bytes], on_stored: Callable[[bytes], object]) -> Iterator[bytes]:
    for block in blocks:
        on_stored(block)
        yield block
