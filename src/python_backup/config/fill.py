"""Fills ``${NAME}`` and ``${NAME:-default}`` in a string from the environment; ``$$`` is a dollar sign."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<inside>[^}]*)(?P<closed>\})?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


def fill(text: str, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text filled in, and what is wrong with it; a variable that is empty takes its default.

    A single ``$`` that begins neither form stays as it is. Nothing is filled in twice: a value
    that holds ``${…}`` itself is taken as it is.
    """
    faults: list[str] = []

    def filled(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        inside = _INSIDE.fullmatch(match["inside"]) if match["closed"] else None
        if inside is None:
            faults.append("holds ${ that begins no ${NAME} or ${NAME:-default}; write $$ for a dollar sign")
            return match[0]
        value = environ.get(inside["name"], "")
        if inside["default"] is not None:
            return value or inside["default"]
        if inside["name"] not in environ:
            faults.append(f"the environment has no {inside['name']}")
        return value

    return _PLACE.sub(filled, text), tuple(faults)
