"""An artifact read back: its stored bytes in one pass, decoded, and measured on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing
from python_backup.model import Format
from python_backup.stream.apart import apart
from python_backup.stream.codecs import CODECS, detect, named_format

_STORED_BLOCK = 256 << 10  # small enough that what it expands to stays in the cache


def format_of(path: Path) -> Format:
    """The format of a file by its bytes; an empty file is what its name promises.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactError: it cannot be read.
    """
    with _reading(path), path.open("rb") as file:
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
    with _reading(path):
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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Converts the errors of reading a file."""
    try:
        yield
    except FileNotFoundError as exc:
        raise ArtifactMissing(f"there is no file {path}") from exc
    except IsADirectoryError as exc:
        raise ArtifactCorrupt(f"{path} is a folder, not a dump") from exc
    except OSError as exc:
        raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc
