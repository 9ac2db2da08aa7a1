"""Compares what a server's catalogs list with what a dump held, so that no gap passes for a whole backup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

Objects = Mapping[str, tuple[str, ...]]
"""Labels by kind, as `model.Facts.objects` has them; one that is overloaded stands more than once."""

SHOWN = 10
"""Names in one sentence; the manifest has them all."""


def missing(before: Objects, held: Objects, look: Callable[[], Objects]) -> Objects:
    """What the catalogs listed before the dump, and list still, and the dump does not hold.

    ``look`` asks the catalogs anew; it is called only where something seems to be missing: what was
    dropped before the dump's snapshot was rightly left out, what was made after it too.
    """
    gone = _without(before, held)
    if not gone:
        return {}
    after = _without(look(), held)
    both = {kind: Counter(names) & Counter(after.get(kind, ())) for kind, names in gone.items()}
    return {kind: tuple(sorted(names.elements())) for kind, names in both.items() if names}


def sentences(lacks: Objects) -> tuple[str, ...]:
    """What is missing in words, one sentence for each kind."""
    return tuple(
        f"{kind.replace('_', ' ')} not in the dump: {_listed(lacks[kind])}" for kind in sorted(lacks)
    )


def _without(names: Objects, held: Objects) -> Objects:
    rest = {kind: Counter(some) - Counter(held.get(kind, ())) for kind, some in names.items()}
    return {kind: tuple(sorted(some.elements())) for kind, some in rest.items() if some}


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
