"""What a restore alters in a dump, counted by kind, with the first places of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

_ONE = {"tables": "table ", "foreign_tables": "foreign table "}
PLACES_KEPT = 5
"""How many places of each kind are kept; the count goes on."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the dump a change was made, and what: ``after`` is empty when it was dropped."""

    line: int
    before: str
    after: str


@dataclass(slots=True)
class Changes:
    """All changes of one restore; the rewriters add to it.

    ``elsewhere`` has by kind and label what was made without what it has on another server.
    """

    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[Place]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    elsewhere: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, line: int, before: bytes, after: bytes = b"") -> None:
        """Counts one change of this kind, such as ``DROP DATABASE left out``."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        kept = self.places.setdefault(kind, [])
        if len(kept) < PLACES_KEPT:
            kept.append(Place(line, _shown(before), _shown(after)))

    def unseen(self, kind: str) -> None:
        """Counts one change of this kind whose place was not looked at."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.places.setdefault(kind, [])

    def stand_in(self, kind: str, name: str) -> None:
        """Notes that an object was made without what it has elsewhere, and warns of it."""
        names = self.elsewhere.setdefault(kind, set())
        if name not in names:
            names.add(name)
            self.warnings.append(
                f"{_ONE.get(kind, '')}{name} is made without what it has on another server; it is not checked"
            )

    def __iter__(self) -> Iterator[tuple[str, int, list[Place]]]:
        """Kind, count and first places, as they begin in the dump; those of no known place last."""
        return ((kind, self.counts[kind], self.places[kind]) for kind in sorted(self.counts, key=self._begin))

    def _begin(self, kind: str) -> tuple[float, str]:
        """Where a kind begins: several threads find kinds of their own, each at its own time."""
        places = self.places[kind]
        return (places[0].line if places else inf), kind


def _shown(text: bytes, limit: int = 160) -> str:
    flat = " ".join(text.decode("utf-8", "replace").split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
