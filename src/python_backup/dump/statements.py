"""Digests the statements that make each object, in a form that does not depend on how they are laid out.

An object's digest is one over its statements' own, sorted: so their order does not count, and neither does
where the stream was cut. What the engines leave out of a statement, each tells itself (`StatementReader`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from blake3 import blake3

from python_backup.dump.created import Created
from python_backup.dump.piece import Statement

OTHERS = "others"
"""The kind of what `model.Facts.objects` does not list: casts, operators, text search, publications."""


FORM = "blake3"
"""Over the statements' tokens alone."""


@dataclass(frozen=True, slots=True)
class Made:
    """One statement's part in one object; ``tokens`` is its normalised text.

    ``form`` is the word before the object's digest: digests of other forms are not compared.
    """

    kind: str
    name: str
    tokens: bytes
    form: str = FORM


class StatementReader(Protocol):
    """Tells which object a statement makes or changes, and how; one for each engine and stream."""

    def __call__(self, statement: Statement, created: Sequence[Created]) -> Made | None:
        """None where it says nothing of any object's making; ``created`` is what it makes."""
        ...


@dataclass(slots=True)
class StatementDigests:
    """Takes what a dump's statements make, and gives every object's digest at the end."""

    _found: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    _forms: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, made: Made) -> None:
        """Takes one statement."""
        digest = blake3(made.tokens).digest()
        self._found.setdefault(made.kind, {}).setdefault(made.name, []).append(digest)
        if made.form != FORM:
            self._forms[made.kind, made.name] = made.form

    def drop(self, kind: str, name: str) -> None:
        """Forgets an object that was taken away again."""
        self._found.get(kind, {}).pop(name, None)

    def result(self) -> Mapping[str, Mapping[str, str]]:
        """By kind and name the form, a colon and 64 hex digits, both sorted."""
        return {
            kind: {
                name: f"{self._forms.get((kind, name), FORM)}:{_joined(digests)}"
                for name, digests in sorted(made.items())
            }
            for kind, made in sorted(self._found.items())
            if made
        }


def _joined(digests: list[bytes]) -> str:
    return blake3(b"".join(sorted(digests))).hexdigest()
