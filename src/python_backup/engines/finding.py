"""What is found before a restore, and what it means for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for a restore: it cannot be, its result differs, or it is good to know."""

    BLOCKS = "blocks"
    DIFFERS = "differs"
    TELLS = "tells"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found before a restore; ``kind`` is a word for programs: ``extension``."""

    severity: Severity
    kind: str
    text: str
    hint: str | None = None
