"""Whether the receipts of one database are all there, each the follower of the one before it.

What cannot be seen: that the latest ones are gone. Who keeps the latest elsewhere sees that too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from python_backup.receipt.statement import Chained


@dataclass(frozen=True, slots=True)
class Link:
    """One receipt's file; ``sha256`` is of its bytes.

    ``genuine``: a trusted key signed it. One that is not counts only where a later receipt vouches for it.
    """

    path: PurePath
    place: Chained
    sha256: str
    genuine: bool = True


def broken(links: Sequence[Link]) -> Iterator[str]:
    """A sentence for each thing wrong in the chain from the highest number down to 1."""
    numbered: dict[int, dict[str, list[Link]]] = {}
    for link in links:
        numbered.setdefault(link.place.number, {}).setdefault(link.sha256, []).append(link)
    above, wanted = 0, None
    for number in sorted(numbered, reverse=True):
        if above and number < above - 1:
            yield _missing(number + 1, above - 1, wanted)
            wanted = None
        there = numbered[number]
        found = {sha256: same for sha256, same in there.items() if sha256 == wanted or _any_genuine(same)}
        yield from _several(number, found)
        if wanted not in found and (wanted is not None or not found):
            yield _not_it(number, wanted, [link.path.name for same in there.values() for link in same])
        chosen = found.get(wanted or "") or next(iter(found.values()), None)
        above, wanted = number, chosen[0].place.previous if chosen else None
    if above > 1:
        yield _missing(1, above - 1, wanted)


def _any_genuine(same: Sequence[Link]) -> bool:
    return any(link.genuine for link in same)


def _several(number: int, found: dict[str, list[Link]]) -> Iterator[str]:
    """Receipts that bear one number, and files that hold one receipt in one folder."""
    if len(found) > 1:
        names = ", ".join(sorted(same[0].path.name for same in found.values()))
        yield f"number {number} is borne by {len(found)} receipts: {names}"
    for same in found.values():
        folders: dict[PurePath, PurePath] = {}
        for link in sorted(same, key=lambda link: link.path):
            first = folders.setdefault(link.path.parent, link.path)
            if first != link.path:
                names = " and ".join(sorted((link.path.name, first.name)))
                yield f"{names} are the same receipt, number {number}"


def _not_it(number: int, wanted: str | None, names: Sequence[str]) -> str:
    listed = ", ".join(sorted(names))
    if wanted is None:
        return f"receipt {number} is missing: no trusted key signed {listed}"
    return f"receipt {number} is missing: {listed} is not the one that number {number + 1} follows ({wanted})"


def _missing(first: int, last: int, sha256: str | None) -> str:
    if first < last:
        return f"receipts {first} to {last} are missing" + (f" (the last was {sha256})" if sha256 else "")
    return f"receipt {first} is missing" + (f" ({sha256})" if sha256 else "")
