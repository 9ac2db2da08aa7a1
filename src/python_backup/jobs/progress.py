"""How jobs tell what they are doing; they never print."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Step(Protocol):
    """One step under way."""

    def advance(self, size: int) -> None:
        """So many more bytes (or tables) are done."""
        ...


class Progress(Protocol):
    """What the cli shows; a step with no ``total`` is shown without time left."""

    def step(
        self, title: str, *, total: int | None = None, unit: str = "bytes"
    ) -> AbstractContextManager[Step]:
        """Begins a step that ends with the context."""
        ...

    def note(self, text: str) -> None:
        """One line of talk: a warning, a choice that was made."""
        ...
