"""What is promised of an instance's recovery: the config says it, `forecast` holds against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Objectives:
    """How old the latest backup may get (``rpo``), and how long a restore may take (``rto``)."""

    rpo: timedelta | None = None
    rto: timedelta | None = None
