"""An artifact's dump as plain SQL, whatever its format: all of it, or what a reader wants of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from python_backup.dump.dialect import Header
from python_backup.dump.table import read_header
from python_backup.instance import Tools
from python_backup.jobs.in_part import Reader, opened_in_part
from python_backup.model import Format, Span
from python_backup.storage.folder import manifest_of
from python_backup.stream.artifact import format_of, read_artifact, stored_blocks
from python_backup.stream.members import is_parts, members
from python_backup.stream.reading import reading

ARCHIVES = (Format.CUSTOM, Format.DIRECTORY)
"""What only pg_restore reads."""

HEAD = 64 << 10
"""Bytes of a dump's beginning in which its header is looked for."""


@contextmanager
def opened_as_sql(
    path: Path, tools: Tools, on_stored: Callable[[bytes], object] | None = None, section: str | None = None
) -> Iterator[Iterator[bytes]]:
    """The artifact's dump as plain SQL, whatever its format; archives of pg_dump pass pg_restore.

    ``on_stored`` gets every stored byte, in order. ``section`` of an archive alone: see `archive_as_sql`.
    """
    if format_of(path) not in ARCHIVES:
        yield read_artifact(path, on_stored=on_stored)
        return
    from python_backup.engines.postgresql.archive import archive_as_sql  # noqa: PLC0415 - brings a driver

    if on_stored is not None:
        with reading(path):
            for block in stored_blocks(path):
                on_stored(block)
    with archive_as_sql(path, tools, section=section) as blocks:
        yield blocks


@contextmanager
def opened_for(
    path: Path, reader: Reader, on_stored: Callable[[bytes], object]
) -> Iterator[Iterator[bytes | Span]]:
    """The artifact's dump as plain SQL, without what the reader passes over where that can be."""
    with opened_in_part(path, manifest_of(path)) as part:
        if part is not None:
            yield part.read(reader, on_stored)
            return
    with opened_as_sql(path, Tools(), on_stored) as blocks:
        yield blocks


def peek(path: Path, tools: Tools) -> Header | None:
    """What the dump's first bytes say of it; None where no known tool wrote it. Of parts the first is opened.

    Raises:
        ArtifactError: it is missing, or damaged at its beginning.
    """
    with opened_as_sql(members(path)[0] if is_parts(path) else path, tools) as blocks:
        header, _ = headed(blocks)
    return header


def headed(blocks: Iterator[bytes]) -> tuple[Header | None, Iterator[bytes]]:
    """The dump's header, and all its blocks again."""
    head: list[bytes] = []
    while sum(map(len, head)) < HEAD and (block := next(blocks, b"")):
        head.append(block)
    return read_header(b"".join(head)), chain(head, blocks)
