"""The files of a store, asked for again where what failed may pass; read ahead where it is known what comes.

Only one request is under way at a time: those of a stretch are made in a thread of their own, while what
came before is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from python_backup.errors import ArtifactCorrupt, ArtifactError
from python_backup.instance import Retry
from python_backup.jobs.progress import Progress
from python_backup.jobs.tries import Tries, Waits
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.store import Store
from python_backup.stream.apart import apart

FIRST, MOST = 1 << 20, 8 << 20
"""Bytes of a stretch's first request, and of its largest: each is twice the one before."""

AHEAD = 2
"""Requests whose bytes wait to be taken; so memory holds up to four."""

_LARGEST_BESIDE = 256 << 20  # a manifest of a million tables; more is no manifest
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Remote:
    """The folder of a store that ``place`` is in; ``came`` gets the length of all that comes."""

    store: Store
    place: Place
    progress: Progress
    came: Callable[[int], object]
    retry: Retry = field(default_factory=Retry)
    waits: Waits = field(default_factory=Waits)

    def told(self, name: str) -> str:
        """What errors call a file."""
        return str(replace(self.place, name=name))

    def size(self, name: str) -> int | None:
        """The bytes of a file, None where there is none; raises as `Store.size`."""
        return self._tried(name, lambda: self.store.size(name))

    def content(self, name: str) -> bytes | None:
        """A small file, None where there is none.

        Raises:
            ArtifactCorrupt: it is none that stands beside an artifact.
            ArtifactError: it cannot be read.
        """
        size = self.size(name)
        if size is None:
            return None
        if size > _LARGEST_BESIDE:
            raise ArtifactCorrupt(f"{self.told(name)} has more than {_LARGEST_BESIDE} bytes")
        return self.read(name, 0, size)

    def read(self, name: str, begin: int, size: int) -> bytes:
        """Just these bytes.

        Raises:
            ArtifactError: they cannot be read, or the file ends before.
        """

        def once() -> bytes:
            found = self.store.read(name, begin, size)
            if len(found) != size:
                raise ArtifactError(
                    f"{self.told(name)}: {len(found):,} bytes came, not {size:,} from {begin:,} on",
                    transient=True,
                )
            return found

        found = self._tried(name, once) if size else b""
        self.came(size)
        return found

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """All bytes of a file of this size; where they break off, the rest is read by ranges.

        Raises:
            ArtifactError: they cannot be read, or are others than so many.
        """
        at = 0
        try:
            for block in self.store.blocks(name):
                at += len(block)
                self._refuse_longer(name, at, size)
                self.came(len(block))
                yield block
        except ArtifactError as exc:
            if not exc.transient:
                raise
            self.progress.note(f"{exc.message}; reading goes on from {at:,} bytes on")
        while at < size:
            part = self.read(name, at, min(MOST, size - at))
            at += len(part)
            yield part

    def _refuse_longer(self, name: str, at: int, size: int) -> None:
        if at > size:
            raise ArtifactError(f"{self.told(name)} has more than the {size:,} bytes that it had")

    def _tried(self, name: str, attempt: Callable[[], _T]) -> _T:
        return Tries(self.retry, self.told(name), self.progress, self.waits).run(attempt)


@dataclass(slots=True)
class RemoteFile:
    """One file of a store, read anywhere (`frames.Ranged`); ``keep`` gets each place and what stands there.

    ``opened`` holds the thread that reads ahead, and is closed by its owner.
    """

    remote: Remote
    file: str
    size: int
    keep: Callable[[int, bytes], object]
    opened: ExitStack
    _coming: Iterator[bytes] = field(default_factory=lambda: iter(()))
    _held: bytearray = field(default_factory=bytearray)
    _at: int = -1  # where what is held begins

    @property
    def name(self) -> str:
        """Its URL."""
        return self.remote.told(self.file)

    def expect(self, begin: int, end: int) -> None:
        """Begins to fetch these bytes."""
        self.opened.close()
        self._at, self._held = begin, bytearray()
        self._coming = self.opened.enter_context(apart(self._stretch(begin, end), AHEAD))

    def read(self, begin: int, size: int) -> bytes:
        """These bytes; raises as `Remote.read`."""
        found = self._next(size) if begin == self._at else b""
        if len(found) < size:
            found += self.remote.read(self.file, begin + len(found), size - len(found))
        self.keep(begin, found)
        return found

    def _next(self, size: int) -> bytes:
        """So many of what was fetched ahead, or what there is of it."""
        while len(self._held) < size and (block := next(self._coming, b"")):
            self._held += block
        found = bytes(self._held[:size])
        del self._held[:size]
        self._at += len(found)
        return found

    def _stretch(self, begin: int, end: int) -> Iterator[bytes]:
        asked = FIRST
        while begin < end:
            found = self.remote.read(self.file, begin, min(asked, end - begin))
            begin, asked = begin + len(found), min(2 * asked, MOST)
            yield found
