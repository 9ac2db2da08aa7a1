"""How rows are merged, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

How = Literal["keep", "replace", "add"]
"""What becomes of a row that is there already: kept as it is, replaced; ``add``: it must not be there."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of one table's rows; ``advanced`` says which sequences were set forward, in sentences."""

    table: str
    added: int
    kept: int
    replaced: int
    advanced: tuple[str, ...] = ()
