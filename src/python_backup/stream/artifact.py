"""An artifact read back: its stored bytes in one pass, decoded, and measured on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from python_backup.model import Format
from python_backup.stream.apart import apart
from python_backup.stream.codecs import CODECS, detect, named_format
from python_backup.stream.reading import reading

_STORED_BLOCK = 256 << 10  # small enough that what it expands to stays in the cache


def format_of(path: Path) -> Format:
    """The format of a file by its bytes; an empty file is what its name promises.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactError: it cannot be read.
    """
    with reading(path), path.open("rb") as file:
        head = file.read(8)
    if head:
        return detect(head)
    return named_format(path.name) or Format.NONE


def read_artifact(path: Path, *, on_stored: Callable[[bytes], object] | None = None) -> Iterator[bytes]:
    """The decoded blocks of a file, each at most 1 MiB; custom archives come as they are.

    ``on_stored`` gets every stored byte, in order (``hashlib.sha256().update``); then reading and
    measuring run in a thread of their own, and ``on_stored`` is called there. When the iterator has
    ended well, all stored bytes were read, measured and found whole.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactCorrupt: truncated, damaged, followed by foreign bytes, several files, or encrypted.
        ArtifactError: it cannot be read.
    """
    decode = CODECS[format_of(path)].decode
    with reading(path):
        if on_stored is None:
            yield from decode(stored_blocks(path), path)
            return
        with apart(_tapped(stored_blocks(path), on_stored), depth=8) as stored:
            yield from decode(stored, path)


def stored_blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes as they are stored."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(_STORED_BLOCK):
            yield block


def _tapped(blocks: Iterator[bytes], on_stored: Callable[[bytes], object]) -> Iterator[bytes]:
    for block in blocks:
        on_stored(block)
        yield block
