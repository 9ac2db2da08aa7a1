"""Reading no more of an artifact than what holds what is picked: frames of a file, parts of a folder.

Its manifest says where in the dump rows stand that a reader may pass over. Both kinds of artifact are one
stream with such stretches in it; what is read of it is checked, frame by frame or part by part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Protocol, TypeVar

from python_backup.dump.pick import Held
from python_backup.model import Facts, Manifest, PartKind, Span
from python_backup.stream.frames import Framed, framed
from python_backup.stream.listed import Listed, listed
from python_backup.stream.members import is_parts

_LARGE, _SEQUENCES = "large_objects", "sequences"
_T = TypeVar("_T")


class Reader(Protocol):
    """Says what nobody wants; a picker is one."""

    def passes_over(self, held: Held) -> bool:
        """Whether what a stretch of the dump holds need not be read, now that all before it was."""
        ...


@dataclass(slots=True)
class InPart:
    """An artifact that is read in part, once.

    ``held`` says by stretch what it holds, ``passed`` is what was passed over so far.
    """

    source: Framed | Listed
    manifest: Manifest
    held: Mapping[Span, Held]
    passed: list[Held] = field(default_factory=list)

    @property
    def told(self) -> str:
        """How much of it was read."""
        return f"{self.source.told} were read, each as the manifest says; no other is needed"

    @property
    def files(self) -> tuple[Path, ...]:
        """Of an artifact in parts the files that were read."""
        source = self.source
        return tuple(source.folder / part.file for part in source.begun) if isinstance(source, Listed) else ()

    def read(self, reader: Reader | None, on_stored: Callable[[bytes], object]) -> Iterator[bytes | Span]:
        """The dump, but for what the reader passes over; it gets each piece before the next is asked.

        Raises:
            ArtifactCorrupt: a frame or part is not what the manifest says.
        """

        def unwanted(span: Span) -> bool:
            return reader is not None and reader.passes_over(self.held[span])

        for block in self.source.read(tuple(self.held), unwanted, on_stored):
            if isinstance(block, Span):
                self.passed.append(self.held[block])
            yield block

    def whole(self, found: Facts) -> Facts:
        """The facts of what was read, with the manifest's own of what was passed over."""
        written = self.manifest.facts
        passed = {name for held in self.passed for name in held.tables}
        values = {name for held in self.passed for name in held.sequences}
        tables = {table.name: table for table in found.tables}
        tables |= {table.name: table for table in written.tables if table.name in passed}
        objects, statements = dict(found.objects), dict(found.statements)
        if any(held.others for held in self.passed):  # among the rows from pg_dump 17 on
            objects[_LARGE] = written.objects[_LARGE]
        if _SEQUENCES in statements:  # a sequence that was never used says so among the rows
            made = _only(values, written.statements.get(_SEQUENCES, {}))
            statements[_SEQUENCES] = {**statements[_SEQUENCES], **made}
        return replace(
            found,
            tables=tuple(tables[name] for name in sorted(tables)),
            sequences={**found.sequences, **_only(values, written.sequences)},
            objects=dict(sorted(objects.items())),
            statements=statements,
        )


@contextmanager
def opened_in_part(path: Path, manifest: Manifest | None) -> Iterator[InPart | None]:
    """None where it must be read whole: its manifest knows no frames or parts, or nothing to pass over.

    Raises:
        ArtifactCorrupt: something else stands in the place of a part; and where what is done with it failed
            at a part that is not what the manifest says.
    """
    if manifest is not None and manifest.parts and is_parts(path):
        with listed(path, manifest.parts) as parts:
            yield of_parts(parts, manifest)
    elif manifest is not None and has_frames(manifest):
        with framed(path, manifest.artifact.frames) as frames:
            yield of_frames(frames, manifest)
    else:
        yield None


def has_frames(manifest: Manifest) -> bool:
    """Whether the manifest tells of a single file's frames, and of something that may be passed over."""
    return bool(manifest.spans and manifest.artifact.frames)


def of_frames(frames: Framed | None, manifest: Manifest) -> InPart | None:
    """A single file that is read in part; None where its frames are not those of the manifest."""
    if frames is None or frames.size != manifest.artifact.raw_size:
        return None
    return InPart(frames, manifest, _of_spans(manifest))


def of_parts(parts: Listed, manifest: Manifest) -> InPart:
    """A folder that is read in part."""
    return InPart(parts, manifest, dict(_held(manifest)))


def _only(names: set[str], of: Mapping[str, _T]) -> dict[str, _T]:
    return {name: value for name, value in of.items() if name in names}


def _of_spans(manifest: Manifest) -> Mapping[Span, Held]:
    """The large tables of a single file."""
    placed = ((span, Held((table,))) for table, spans in manifest.spans.items() for span in spans)
    return dict(sorted(placed, key=lambda place: place[0].begin))


def _held(manifest: Manifest) -> Iterator[tuple[Span, Held]]:
    """The parts with rows; what has no part of its own is in one without a table, if it is anywhere."""
    facts = manifest.facts
    own = {part.table for part in manifest.parts}
    tables = tuple(table.name for table in facts.tables if table.size and table.name not in own)
    sequences = {*facts.sequences, *facts.objects.get(_SEQUENCES, ()), *facts.statements.get(_SEQUENCES, ())}
    rest = Held(tables, tuple(sequences), others=bool(facts.objects.get(_LARGE)))
    edges = pairwise(accumulate((part.raw_size for part in manifest.parts), initial=0))
    for part, (begin, end) in zip(manifest.parts, edges, strict=True):
        if part.kind is PartKind.DATA:
            yield Span(begin, end, 0), Held((part.table,)) if part.table else rest


def length(block: bytes | Span) -> int:
    """How much of the dump the block is, or stands for."""
    return len(block) if isinstance(block, bytes) else block.end - block.begin
