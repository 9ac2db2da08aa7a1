"""What a store gives: the files below a URL, read anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Store(Protocol):
    """The files of one folder of a store; ``name`` is a file's path in it, with slashes."""

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none.

        Raises:
            ArtifactError: the store cannot be asked; it says why, and ``transient`` whether to try again.
        """
        ...

    def read(self, name: str, begin: int, size: int) -> bytes:
        """These bytes of a file, fewer where it ends before.

        Raises:
            ArtifactMissing: there is no such file.
            ArtifactError: it cannot be read.
        """
        ...

    def blocks(self, name: str) -> Iterator[bytes]:
        """All bytes of a file, from its begin; raises as `read`."""
        ...
