"""A backup in parts as it lies in its folder: which files make up its dump, in which order, and their sum.

Joined, the files are one dump; whoever reads an artifact reads them so, and need not know of the folder.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from python_backup.errors import ArtifactCorrupt

BEFORE = "before.sql.zst"
DATA = "data"
AFTER = "after.sql.zst"
SUMS = "SHA256SUMS"
RESTORE = "RESTORE.txt"


class Sum(Protocol):
    """Takes an artifact's stored bytes in their order."""

    @property
    def name(self) -> str:
        """The algorithm."""
        ...

    def update(self, block: bytes, /) -> None:
        """Takes further bytes."""
        ...

    def hexdigest(self) -> str:
        """The sum so far, in lower-case hex."""
        ...


def is_parts(path: Path) -> bool:
    """Whether this is the folder of a backup in parts."""
    return is_folder(path) and ((path / BEFORE).exists() or (path / SUMS).exists())


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; False where that cannot be told: who reads it tells why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def members(folder: Path) -> tuple[Path, ...]:
    """The files that make up the dump, in its order; a missing one is named all the same.

    Raises:
        ArtifactCorrupt: something else stands in the place of one: a link may lead out of the folder.
    """
    inner = folder / DATA
    data = sorted(inner.iterdir(), key=_place) if _kind(inner) == stat.S_IFDIR else []
    found = (folder / BEFORE, *data, folder / AFTER)
    strange = [part for part in found if _kind(part) not in {None, stat.S_IFREG}]
    if _kind(inner) not in {None, stat.S_IFDIR}:
        strange.append(inner)
    if strange:
        raise ArtifactCorrupt(
            f"{folder} holds what is no file of a backup: {strange[0].relative_to(folder)}",
            hint="Nothing of it was read. Copy the backup anew from where it is whole.",
        )
    return found


def _kind(path: Path) -> int | None:
    """What is there, as `stat` names it; None for nothing."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return None


def _place(path: Path) -> tuple[int, str]:
    number = path.name.partition("_")[0]
    return (int(number) if number.isdecimal() else 0), path.name


def sum_lines(sums: Iterable[tuple[str, str]]) -> bytes:
    """The content of a checksum file, as ``sha256sum -c`` reads it; ``sums`` are names and sums in hex."""
    return b"".join(f"{found}  {name}\n".encode("utf-8", "surrogateescape") for name, found in sums)


class JoinedSum:
    """The SHA-256 of the checksum file of several files, whose bytes come one file after the other."""

    name = "sha256"

    def __init__(self, files: Iterable[tuple[str, int]]) -> None:
        """``files`` are their names and sizes."""
        self._files = list(files)
        self._sums: list[str] = []
        self._left = -1
        self._current = hashlib.sha256()
        self._begin()

    def update(self, block: bytes, /) -> None:
        """Takes further bytes; what is more than all files have belongs to the last."""
        rest = memoryview(block)
        while len(rest) > self._left and len(self._sums) < len(self._files) - 1:
            self._current.update(rest[: self._left])
            rest = rest[self._left :]
            self._end()
        self._current.update(rest)
        self._left -= len(rest)

    def hexdigest(self) -> str:
        """The sum of the checksum file for what was taken."""
        return hashlib.sha256(sum_lines(self.each().items())).hexdigest()

    def each(self) -> dict[str, str]:
        """The sums of the files that were taken, by their names."""
        names = [name for name, _ in self._files]
        return dict(zip(names, [*self._sums, self._current.hexdigest()], strict=False))

    def _end(self) -> None:
        self._sums.append(self._current.hexdigest())
        self._current = hashlib.sha256()
        self._begin()

    def _begin(self) -> None:
        self._left = self._files[len(self._sums)][1] if self._files else 0


def joined_sum(folder: Path) -> JoinedSum:
    """The sum to take the stored bytes of a backup in parts with."""
    return JoinedSum((str(file.relative_to(folder)), _size(file)) for file in members(folder))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
