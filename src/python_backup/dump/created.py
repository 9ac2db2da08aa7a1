"""What a statement makes: the word that passes between those who read statements and those who count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Created:
    """One object that a statement makes; ``kind`` is one of the words of `model.Facts`.

    ``value`` is given with the kinds ``sequence_value`` and ``next_number`` alone. With ``gone`` the
    statement takes away an object of that name, if there was one: a view's stand-in, an index that another
    replaces.
    """

    kind: str
    name: str
    value: int | None = None
    gone: bool = False
