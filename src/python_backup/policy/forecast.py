"""How long a restore would take, from drills and from how a database grows; and whether that will do.

Pure: what was observed comes in, and what is said says upon what it rests. Sizes are bytes of the dump
before compression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from python_backup.policy.objectives import Objectives

DRILLS = 10
"""The latest drills that count: what a machine took a year ago says little of today's."""

BACKUPS = 30
"""The latest backups from which growth is told."""

AHEAD = timedelta(days=30)

_LONGEST = timedelta.max.total_seconds() / 2  # no time can be longer; a drill of one byte may foretell more
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Drilled:
    """One drill that went well; ``seconds`` is the time to recover."""

    at: datetime
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """One complete backup."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds for bytes; neither number is negative, so more bytes never take less time."""

    fixed: float
    per_byte: float

    def seconds(self, size: float) -> float:
        """How long so many bytes take."""
        return self.fixed + self.per_byte * max(0.0, size)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is foretold of one database, each None where too little is known.

    ``seconds`` is for the latest complete backup (``latest``); ``slowest`` the same, if it went as badly
    as the worst of the drills beside the line; ``ahead`` for what it will be `AHEAD` of it. ``growth`` is
    in bytes a day, negative where it shrinks. ``drills`` is how many drills this rests upon, ``drilled``
    when the last of them was.
    """

    latest: Taken | None = None
    drills: int = 0
    drilled: datetime | None = None
    line: Line | None = None
    seconds: float | None = None
    slowest: float | None = None
    growth: float | None = None
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One objective and what was found; ``found`` is None where it cannot be said, and that is not ``met``.

    ``days_left``: after so many days it will be missed if growth goes on.
    """

    name: str
    limit: timedelta
    found: timedelta | None
    met: bool
    days_left: float | None = None


def forecast(taken: Sequence[Taken], drilled: Sequence[Drilled]) -> Forecast:
    """What these backups and drills of one database foretell, in any order."""
    backups = sorted(taken, key=lambda one: one.at)[-BACKUPS:]
    drills = sorted(drilled, key=lambda one: one.at)[-DRILLS:]
    latest = backups[-1] if backups else None
    line, growth = fitted(drills), grown(backups)
    seconds = line.seconds(latest.size) if line and latest else None
    ahead = None
    if line and latest and growth is not None:
        ahead = line.seconds(latest.size + growth * (AHEAD.total_seconds() / _DAY))
    return Forecast(
        latest,
        len(drills),
        drills[-1].at if drills else None,
        line,
        seconds,
        None if line is None or seconds is None else seconds * _worst(line, drills),
        growth,
        ahead,
    )


def fitted(drills: Sequence[Drilled]) -> Line | None:
    """The line with the least squares of what it misses by, among those that never fall nor begin below 0.

    Where drills of like sizes took unlike times, the free line may do either; the best that is left then
    goes through the origin.
    """
    if not drills:
        return None
    sizes, seconds = [float(one.size) for one in drills], [max(0.0, one.seconds) for one in drills]
    middle, mean = fmean(sizes), fmean(seconds)
    spread = sum((size - middle) ** 2 for size in sizes)
    if spread > 0:
        together = sum((x - middle) * (y - mean) for x, y in zip(sizes, seconds, strict=True))
        per_byte = together / spread
        fixed = mean - per_byte * middle
        if per_byte >= 0 and fixed >= 0:
            return Line(fixed, per_byte)
    squares = sum(size**2 for size in sizes)
    if squares == 0:
        return Line(mean, 0.0)
    return Line(0.0, sum(x * y for x, y in zip(sizes, seconds, strict=True)) / squares)


def grown(backups: Sequence[Taken]) -> float | None:
    """The bytes that a day adds, by least squares; None before there are two moments to compare."""
    if not backups:
        return None
    first = min(one.at for one in backups)
    days = [(one.at - first).total_seconds() / _DAY for one in backups]
    middle, mean = fmean(days), fmean(one.size for one in backups)
    spread = sum((day - middle) ** 2 for day in days)
    if spread == 0:
        return None
    together = sum((day - middle) * (one.size - mean) for day, one in zip(days, backups, strict=True))
    return together / spread


def judged(foretold: Forecast, objectives: Objectives, now: datetime) -> Iterator[Judged]:
    """Each objective that is set. What cannot be said is not met: an alarm must not wait for a drill."""
    if objectives.rpo is not None:
        age = max(timedelta(), now - foretold.latest.at) if foretold.latest else None
        yield Judged("rpo", objectives.rpo, age, age is not None and age <= objectives.rpo)
    if objectives.rto is not None:
        takes = None if foretold.seconds is None else timedelta(seconds=min(foretold.seconds, _LONGEST))
        met = takes is not None and takes <= objectives.rto
        yield Judged("rto", objectives.rto, takes, met, _days_left(foretold, objectives.rto) if met else None)


def _worst(line: Line, drills: Sequence[Drilled]) -> float:
    """How many times the line's word the slowest drill took; never less than once."""
    ratios = [one.seconds / said for one in drills if (said := line.seconds(one.size)) > 0]
    return max([1.0, *ratios])


def _days_left(foretold: Forecast, rto: timedelta) -> float | None:
    """None where it does not grow, or size costs no time."""
    line, growth, latest = foretold.line, foretold.growth, foretold.latest
    if line is None or latest is None or growth is None or growth <= 0 or line.per_byte <= 0:
        return None
    return max(0.0, ((rto.total_seconds() - line.fixed) / line.per_byte - latest.size) / growth)
