"""A backup in parts of which its manifest lists the files: each can be left out, and has a sum of its own.

Of a file that is not wanted nothing is opened. One that is read must have the sum that is listed; as that is
known at its end alone, so late also whoever trips over it is told that the file is damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, Refused, StatementFailed, UsageError
from python_backup.model import Part, Span
from python_backup.stream.artifact import read_artifact, stored_blocks
from python_backup.stream.members import members
from python_backup.stream.reading import reading


@dataclass(slots=True)
class Listed:
    """The parts of a folder in their order, whose files are ``there``; ``begun`` are those that were read.

    ``bring`` is called before a part's file is opened: it may be elsewhere until then.
    """

    folder: Path
    parts: tuple[Part, ...]
    there: Mapping[str, Path]
    bring: Callable[[Part], object] = id
    begun: list[Part] = field(default_factory=list)
    _open: Part | None = None

    @property
    def told(self) -> str:
        """How many of them were read."""
        return f"{len(self.begun):,} of its {len(self.parts):,} parts"

    @property
    def lacking(self) -> tuple[str, ...]:
        """What can be seen to be wrong with the files that were not read, in sentences."""
        return tuple(self._lacking({part.file for part in self.begun}))

    def _lacking(self, read: set[str]) -> Iterator[str]:
        for part in self.parts:
            size = part.size if part.file in read else self._size(part)
            if size is None:
                yield f"{part.file} is missing"
            elif size != part.size:
                yield f"{part.file} has {size:,} bytes, not {part.size:,}"
        known = {part.file for part in self.parts}
        yield from (f"{name} is there besides" for name in self.there if name not in known)

    def _size(self, part: Part) -> int | None:
        """The bytes of its file; None where there is none."""
        try:
            return self.there[part.file].stat().st_size
        except (KeyError, FileNotFoundError):
            return None

    def read(
        self,
        spans: tuple[Span, ...],
        unwanted: Callable[[Span], bool],
        on_stored: Callable[[bytes], object],
    ) -> Iterator[bytes | Span]:
        """The stream from begin to end; a span stands for its files where they were passed over.

        Spans begin and end where files do. When all before one was taken, ``unwanted`` says whether to pass
        over it. Of each file that is read, ``on_stored`` gets the stored bytes, in a thread of its own.

        Raises:
            ArtifactCorrupt: a file is missing, damaged, or not what its sum says.
            ArtifactError: one cannot be read.
        """
        passed, gaps = 0, {span.begin: span for span in spans}
        begins = accumulate((part.raw_size for part in self.parts), initial=0)
        for part, begin in zip(self.parts, begins, strict=False):
            if begin < passed:
                continue
            span = gaps.get(begin)
            if span is not None and unwanted(span):
                passed = span.end
                yield span
            else:
                yield from self._read(part, on_stored)

    def _read(self, part: Part, on_stored: Callable[[bytes], object]) -> Iterator[bytes]:
        self.bring(part)
        file, found = self._file(part), hashlib.sha256()

        def stored(block: bytes) -> None:
            found.update(block)
            on_stored(block)

        self.begun.append(part)
        self._open = part
        yield from read_artifact(file, on_stored=stored)
        self._check(part, found.hexdigest())
        self._open = None

    def _file(self, part: Part) -> Path:
        """The part's file; what its manifest names may be anything."""
        if part.file not in self.there:
            raise ArtifactCorrupt(f"{self.folder} lacks {part.file}, which its manifest names")
        return self.there[part.file]

    def _check(self, part: Part, found: str) -> None:
        if found != part.sha256:
            raise ArtifactCorrupt(f"{self.folder / part.file} is corrupt: it is not what its manifest says")

    def check_open(self) -> None:
        """Sums the file that was not read to its end, if there is one.

        Raises:
            ArtifactCorrupt: it is not what its sum says.
        """
        if self._open is None:
            return
        found, file = hashlib.sha256(), self._file(self._open)
        with reading(file):
            for block in stored_blocks(file):
                found.update(block)
        self._check(self._open, found.hexdigest())


@contextmanager
def listed(folder: Path, parts: tuple[Part, ...], bring: Callable[[Part], object] = id) -> Iterator[Listed]:
    """A folder's files, as its manifest lists them; see `Listed` for ``bring``.

    Raises:
        ArtifactCorrupt: something else stands in the place of one; and where what is done with them failed
            at one that is not what its sum says.
    """
    there = {str(file.relative_to(folder)): file for file in members(folder)}
    source = Listed(folder, parts, there, bring)
    try:
        yield source
    except (ArtifactCorrupt, Refused, StatementFailed, UsageError):
        source.check_open()
        raise
