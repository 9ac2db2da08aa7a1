"""Stores for tests: a folder of this machine as one, which counts what is read, and can be made to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.errors import ArtifactMissing
from python_backup.instance import Retry
from python_backup.jobs.fetch import Fetching
from python_backup.jobs.tries import Waits
from python_backup.storage.stores.place import Place
from support.silence import Silence

Fault = Callable[[bytes], bytes]
"""Gets what a request would give: gives something else, or raises."""

BLOCK = 64 << 10


@dataclass
class FolderStore:
    """Implements `python_backup.storage.stores.store.Store`; ``faults`` are those of the first requests.

    ``came`` are bytes by file, ``requests`` how often each was asked for.
    """

    folder: Path
    faults: list[Fault] = field(default_factory=list)
    came: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def size(self, name: str) -> int | None:
        file = self.folder / name
        return file.stat().st_size if file.is_file() else None

    def read(self, name: str, begin: int, size: int) -> bytes:
        self.requests[name] += 1
        with self._file(name).open("rb") as file:
            file.seek(begin)
            return self._given(name, file.read(size))

    def blocks(self, name: str) -> Iterator[bytes]:
        self.requests[name] += 1
        with self._file(name).open("rb") as file:
            while block := file.read(BLOCK):
                given = self._given(name, block)
                yield given
                if len(given) < len(block):  # as where a connection breaks off
                    return

    def _file(self, name: str) -> Path:
        file = self.folder / name
        if not file.is_file():
            raise ArtifactMissing(f"there is no file {name}")
        return file

    def _given(self, name: str, content: bytes) -> bytes:
        self.came[name] += len(content)
        return self.faults.pop(0)(content) if self.faults else content


def at(name: str) -> Place:
    """Where a file of the store is said to be."""
    return Place("s3", "s3://bucket/folder", name)


def from_store(store: FolderStore) -> Fetching:
    """What brings artifacts of this store, without waiting."""

    def opened(_: Place) -> AbstractContextManager[FolderStore]:
        return nullcontext(store)

    return Fetching(Silence(), None, Retry(3, 0, 1, 0), Waits(sleep=lambda _: None), opened)
