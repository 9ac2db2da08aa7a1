"""Reading no more of an artifact than the frames that hold what is picked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from python_backup.model import Facts, Manifest, Span
from python_backup.stream.frames import Framed, framed


class Reader(Protocol):
    """Says of the data that began last whether it is passed over; a picker is one."""

    @property
    def skipping(self) -> bool:
        """Whether nobody wants it."""
        ...


@dataclass(slots=True)
class InPart:
    """An artifact that is read in part, once.

    ``passed`` are the tables whose rows were passed over so far, ``taken`` is how many frames were read.
    """

    frames: Framed
    manifest: Manifest
    passed: set[str] = field(default_factory=set)
    taken: int = 0

    @property
    def head(self) -> bytes:
        """The dump's first bytes."""
        return self.frames.frame(0, lambda _: None)

    @property
    def told(self) -> str:
        """How much of it was read."""
        total = len(self.frames.digests)
        return (
            f"{self.taken:,} of its {total:,} frames were read, each as the manifest says; no other is needed"
        )

    def read(self, reader: Reader | None, on_stored: Callable[[bytes], object]) -> Iterator[bytes | Span]:
        """The dump, but for rows that the reader passes over; it gets each piece before the next is asked.

        Raises:
            ArtifactCorrupt: a frame is not what the manifest says.
        """
        placed = ((span, table) for table, spans in self.manifest.spans.items() for span in spans)
        tables = dict(sorted(placed, key=lambda place: place[0].begin))

        def count(stored: bytes) -> None:
            self.taken += 1
            on_stored(stored)

        skips = (lambda: False) if reader is None else (lambda: reader.skipping)
        for block in self.frames.read(tuple(tables), skips, count):
            if isinstance(block, Span):
                self.passed.add(tables[block])
            yield block

    def whole(self, found: Facts) -> Facts:
        """The facts of what was read, with the manifest's own of the rows that were passed over."""
        written = {table.name: table for table in self.manifest.facts.tables if table.name in self.passed}
        return replace(found, tables=tuple(written.get(table.name, table) for table in found.tables))


@contextmanager
def opened_in_part(path: Path, manifest: Manifest | None) -> Iterator[InPart | None]:
    """None where it must be read whole: its manifest knows no frames, or no rows worth passing over."""
    if manifest is None or not manifest.spans or not manifest.artifact.frames:
        yield None
        return
    with framed(path, manifest.artifact.frames) as frames:
        fits = frames is not None and frames.size == manifest.artifact.raw_size
        yield InPart(frames, manifest) if frames is not None and fits else None


def length(block: bytes | Span) -> int:
    """How much of the dump the block is, or stands for."""
    return len(block) if isinstance(block, bytes) else block.end - block.begin
