"""Whether an installed version is within a requirement's range.

Of PEP 440 and 508 as much as this project needs: release numbers joined by commas, and markers that
ask for the Python version and for extras.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<range>[^;]*?)\s*(?:;\s*(?P<marker>.*))?"
)
_BOUND = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*([0-9][0-9A-Za-z.]*)\s*")
_PYTHON = re.compile(r"python_version\s*(==|!=|>=|<=|>|<)\s*['\"]([0-9.]+)['\"]")

_COMPARED: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One package that is needed; ``range`` is as written, without spaces: ``<2,>=1.0``."""

    name: str
    range: str

    def allows(self, version: str) -> bool:
        """Whether a version is within the range."""
        return within(version, self.range)


def requirement(text: str, python: tuple[int, ...]) -> Requirement | None:
    """A line of a package's metadata; None where its marker leaves it out, as it does every extra."""
    found = _REQUIREMENT.fullmatch(text.strip())
    if found is None:
        return None
    marker = found["marker"] or ""
    if "extra" in marker:
        return None
    for sign, wanted in _PYTHON.findall(marker):
        if not _COMPARED[sign](*_padded(python[:2], _release(wanted))):
            return None
    return Requirement(found["name"], found["range"].replace(" ", "").strip("()"))


def within(version: str, wanted: str) -> bool:
    """Whether a version (``3.2.10``) fits every bound (``>=3.2,<4``)."""
    bounds = [_BOUND.fullmatch(part) for part in wanted.split(",") if part.strip()]
    return all(
        bound is None or _COMPARED[bound[1]](*_padded(_release(version), _release(bound[2])))
        for bound in bounds
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[a-z+-]", version, maxsplit=1)[0]))


def _padded(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    longest = max(len(one), len(other))
    return one + (0,) * (longest - len(one)), other + (0,) * (longest - len(other))
