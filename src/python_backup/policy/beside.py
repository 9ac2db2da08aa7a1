"""The names of databases that stand beside a target, and how long replaced ones are kept.

``shop__restoring_20260113_155440`` is being filled; ``shop__before_20260113_155440`` is what was
replaced then, in UTC: machines in several zones may use one server. A target's name that gets too
long for its engine is cut, with a part of its SHA-256 at the end, so that what belongs to one
target never looks like another's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RESTORING = "restoring"
BEFORE = "before"

_TIME = "%Y%m%d_%H%M%S"
_BESIDE = re.compile(rf"(?P<target>.+)__(?P<mark>{RESTORING}|{BEFORE})_\d{{8}}_\d{{6}}", re.DOTALL)

Fits = Callable[[str], bool]
"""Whether a name is short enough for an engine."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what was replaced is kept: the latest ``count`` of each target, none older than ``days``."""

    count: int = 1
    days: float = 7


def beside(target: str, mark: str, at: datetime, fits: Fits) -> str:
    """The name of the database that is made beside ``target`` at this moment."""
    return _prefix(target, mark, fits) + at.astimezone(UTC).strftime(_TIME)


def is_beside(name: str) -> bool:
    """Whether a database of this name was made by a restore; backups pass it over."""
    return bool(_BESIDE.fullmatch(name))


def is_beside_of(target: str, name: str, mark: str, fits: Fits) -> bool:
    """Whether this is a name that `beside` gave for this target."""
    return _moment(name, _prefix(target, mark, fits)) is not None


@dataclass(frozen=True, slots=True)
class Left:
    """One database that a restore made beside its target; ``target`` is the name's part that tells it."""

    database: str
    target: str
    mark: str
    at: datetime


def left_beside(databases: Iterable[str]) -> tuple[Left, ...]:
    """Those databases that restores made, of whatever target."""
    found: list[Left] = []
    for name in databases:
        match = _BESIDE.fullmatch(name)
        at = _moment(name, name[: -len("00000000_000000")]) if match else None
        if match is not None and at is not None:
            found.append(Left(name, match["target"], match["mark"], at))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Replaced:
    """One database that holds what a target held before ``at``."""

    database: str
    at: datetime


def replaced_of(target: str, databases: Iterable[str], fits: Fits) -> tuple[Replaced, ...]:
    """What was replaced under this target's name, the latest first."""
    prefix = _prefix(target, BEFORE, fits)
    found = ((name, _moment(name, prefix)) for name in databases)
    replaced = (Replaced(name, at) for name, at in found if at is not None)
    return tuple(sorted(replaced, key=lambda r: r.at, reverse=True))


def no_longer_kept(
    replaced: Iterable[Replaced], *, keep: int, days: float, now: datetime
) -> tuple[Replaced, ...]:
    """Those beyond the latest ``keep``, and those older than ``days``."""
    latest_first = sorted(replaced, key=lambda r: r.at, reverse=True)
    oldest = now - timedelta(days=days)
    return tuple(r for place, r in enumerate(latest_first) if place >= keep or r.at < oldest)


def _moment(name: str, prefix: str) -> datetime | None:
    if not name.startswith(prefix):
        return None
    try:
        return datetime.strptime(name.removeprefix(prefix), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _prefix(target: str, mark: str, fits: Fits) -> str:
    ending = f"__{mark}_"
    time = "00000000_000000"
    if fits(target + ending + time):
        return target + ending
    digest = hashlib.sha256(target.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    kept = target
    while not fits(f"{kept}~{digest}{ending}{time}"):
        kept = kept[:-1]
    return f"{kept}~{digest}{ending}"
