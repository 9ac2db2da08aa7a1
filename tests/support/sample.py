"""A sample of the tests, drawn by a word: the same for the same word.

Each test outside the engines' own goes to one server of each family, which is drawn for that test alone; of a test
with the mark ``sweep`` a third of its cases on each family goes. With ``VYA_SAMPLE``, in CI the commit's name, that is
what runs: every word draws anew, so what one leaves out another brings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

SHARE = 3
"""Of so many cases of a sweep one goes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a test, by its name among all tests; ``server`` and its ``family`` are empty where it has none."""

    name: str
    family: str = ""
    server: str = ""
    sweep: bool = False

    @property
    def test(self) -> tuple[str, str]:
        """What it is a case of: the test function, on this family."""
        return self.name.partition("[")[0], self.family


def sampled(cases: Iterable[Case], word: str) -> set[str]:
    """The names of the cases that this word draws."""
    tests = defaultdict(list)
    for case in cases:
        tests[case.test].append(case)
    return {case.name for those in tests.values() for case in _swept(_on_one_server(those, word), word)}


def _on_one_server(cases: list[Case], word: str) -> list[Case]:
    drawn = min({case.server for case in cases}, key=lambda server: _lot(word, *cases[0].test, server))
    return [case for case in cases if case.server == drawn]


def _swept(cases: list[Case], word: str) -> list[Case]:
    if not any(case.sweep for case in cases):
        return cases
    return sorted(cases, key=lambda case: _lot(word, case.name))[: -(-len(cases) // SHARE)]


def _lot(*words: str) -> bytes:
    return sha256("\0".join(words).encode()).digest()
