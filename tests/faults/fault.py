"""What a fault is: how it is played, and how the program has to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from faults.stage import Outcome, Stage

FAMILIES = ("postgresql", "mysql")
Ends = Literal["failed", "done"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: ``play`` injects the fault and runs the program, whose exit and stderr are then looked at.

    ``says`` is a regular expression for stderr. ``ends``: ``failed`` leaves no new file, unless with
    exit 7, when what there is is kept as partial; ``done`` needs ``why`` the fault does not matter: exit 0 and a whole
    backup, or an exit that tells of something else than the backup. ``killed``: nobody could tidy up.
    ``root``: it takes a small file system.
    """

    name: str
    play: Callable[[Stage], Outcome]
    code: int | tuple[int, ...]
    says: str
    ends: Ends = "failed"
    why: str = ""
    families: tuple[str, ...] = FAMILIES
    killed: bool = False
    root: bool = False

    @property
    def codes(self) -> tuple[int, ...]:
        return self.code if isinstance(self.code, tuple) else (self.code,)
