"""A progress that says nothing; its notes can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Silence:
    """Implements `python_backup.jobs.progress.Progress` and its ``Step``."""

    notes: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "bytes") -> Iterator[Silence]:
        del title, total, unit
        yield self

    def advance(self, size: int) -> None:
        del size

    def note(self, text: str) -> None:
        self.notes.append(text)
