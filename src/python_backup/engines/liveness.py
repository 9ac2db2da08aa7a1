"""Whether a server that is silent still lives: a statement may take hours, a frozen server for ever.

No time can be set for an answer, so a server that keeps a statement waiting is asked over connections of
its own. One that answers these (be it with a refusal) is at work, and is waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence before a server is asked, how often, and the seconds it has each time."""

    silence: float = 60.0
    probes: int = 3
    seconds: float = 20.0

    @property
    def words(self) -> str:
        """How long was waited, for an error."""
        return f"no answer for {self.silence:g} s, nor to {self.probes} new connections"


PATIENCE = Patience()


def patience(idle: float | None) -> Patience:
    """The patience with a server under this ``idle_timeout``: nobody is asked later than that."""
    if idle is None:
        return PATIENCE
    return replace(
        PATIENCE, silence=min(PATIENCE.silence, idle), seconds=min(PATIENCE.seconds, max(1.0, idle))
    )


Probe = Callable[[float], bool]
"""Connects anew, within these seconds; whether the server said anything at all."""


def lives(probe: Probe, bounds: Patience) -> bool:
    """Whether the server answers any of the probes."""
    return any(probe(bounds.seconds) for _ in range(bounds.probes))
