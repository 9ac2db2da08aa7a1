"""Sizes, rates, times and names as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

_THOUSAND = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_MINUTE = 60


def size(count: float) -> str:
    """Bytes in three digits: ``999 B``, ``1.23 MB``, ``45.6 GB``."""
    unit = 0
    while round(count) >= _THOUSAND and unit < len(_UNITS) - 1:
        count /= _THOUSAND
        unit += 1
    return f"{_three_digits(count) if unit else round(count)} {_UNITS[unit]}"


def _three_digits(value: float) -> str:
    """``1.23``, ``12.3``, ``123``."""
    return next(
        (text for text in (f"{value:.2f}", f"{value:.1f}") if len(text) <= len("1.23")), f"{value:.0f}"
    )


def number(count: int | None) -> str:
    """A count with its thousands apart: ``1,234,567``; a dash for what is not known."""
    return "-" if count is None else f"{count:,}"


def rate(count: float, seconds: float) -> str:
    """Bytes a second; a dash for what took no time."""
    return f"{size(count / seconds)}/s" if seconds > 0 else "-"


def duration(seconds: float) -> str:
    """``0.42 s``, ``12.3 s``, ``4:05``, ``1:02:03``."""
    if round(seconds) < _MINUTE:
        return f"{_three_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ratio(raw: int, stored: int) -> str:
    """How many times smaller the stored bytes are: ``3.4x``."""
    return f"{raw / stored:.1f}x" if stored else "-"


def age(since: timedelta) -> str:
    """About how long ago: ``just now``, ``5 minutes ago``, ``3 days ago``."""
    for name, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(since.total_seconds() / seconds)
        if count > 0:
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def moment(when: datetime) -> str:
    """A time on the machine's own clock, as in artifacts' names: ``2026-01-13 15:54:40``."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plural(count: int, word: str) -> str:
    """``1 database``, ``2 databases``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
