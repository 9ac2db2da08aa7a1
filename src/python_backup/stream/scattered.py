"""Records of one length, scattered over private files by their first byte, so that a part fits into memory.

Records that begin alike are in the same part: what is to be found of two streams can be found part by part.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_backup.stream.publish import storage_failed

PARTS = 256


@dataclass(frozen=True, slots=True)
class Scattered:
    """Records of ``length`` bytes under one name in a folder; whoever made the folder removes it."""

    folder: Path
    name: str
    length: int
    parts: int

    def write(self, records: Iterable[bytes]) -> None:
        """Writes all records, once.

        Raises:
            StorageFailed: there is no room for them.
        """
        try:
            with ExitStack() as stack:
                files = [stack.enter_context(_made(self._path(part))) for part in range(self.parts)]
                for record in records:
                    files[record[0] % self.parts].write(record)
        except OSError as exc:
            raise storage_failed(self.folder, exc) from exc

    def read(self, part: int) -> Iterator[bytes]:
        """One part's records, in the order written."""
        try:
            with self._path(part).open("rb") as file:
                while record := file.read(self.length):
                    yield record
        except OSError as exc:
            raise storage_failed(self.folder, exc) from exc

    def _path(self, part: int) -> Path:
        return self.folder / f"{self.name}-{part}"


def _made(path: Path) -> BinaryIO:
    """A new file for its owner alone."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))
