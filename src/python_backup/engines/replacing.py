"""How contents take a database's name, or its place where it stands: never half, mended where cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Swap:
    """Databases that change names: ``target`` becomes ``before``, ``fresh`` becomes ``target``.

    ``before`` is None where there is no target yet. ``disconnect`` ends other sessions on the
    target. ``keep_properties``: what belongs to the database and not to its contents (owner,
    grants, settings, connection limit, comment) is on the new one as it was on the old. ``grants``
    are given again at its end, beside the target's own; see `engine.Server.grants`.
    """

    fresh: str
    target: str
    before: str | None
    disconnect: bool = False
    keep_properties: bool = True
    grants: tuple[str, ...] = ()


class ReplacingServer(Protocol):
    """What of a server replaces a database; raises as `engine.Server` does."""

    def hold(self, target: str) -> None:
        """Makes this connection the one that works on the target, until it is closed.

        What a killed run has not ended yet on the server is waited for.

        Raises:
            Refused: another run works on it.
        """
        ...

    def take_over(self, swap: Swap) -> tuple[str, ...]:
        """Gives ``fresh`` the target's name, and what had it the name ``before``; returns warnings.

        When it fails, at any point, the target is what it was; where the engine cannot do it in one
        moment, what a killed run left is told by `unfinished` and mended by `settle`.

        Raises:
            Refused: others are connected to the target, and ``disconnect`` is not set.
        """
        ...

    def unfinished(self, target: str) -> str | None:
        """What a run that was killed amid `take_over` left, in a sentence; None where there is nothing."""
        ...

    def settle(self, target: str) -> str:
        """Ends what `unfinished` tells of: goes on where it can, else undoes it; says which."""
        ...

    def unmovable(self, database: str) -> tuple[str, ...]:
        """Why the database's contents cannot get another name, a sentence each; none where they can.

        Of a database that is not there: why no other's contents may get this name.
        """
        ...

    def empty(self, database: str, told: str, *, disconnect: bool) -> None:
        """Drops all that the database holds, where it stands; for contents that are `unmovable`.

        Until `filled` is called, `half_filled` gives what was ``told``, and `unfinished` tells of it. Where
        nothing was told, the database was not there before: `settle` drops it.

        Raises:
            Refused: others are connected to it, and ``disconnect`` is not set.
        """
        ...

    def filled(self, database: str, grants: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Ends what `empty` began: the contents are whole, and get these `grants`; returns warnings."""
        ...

    def half_filled(self, database: str) -> str | None:
        """What `empty` was told, of a database that is not filled since."""
        ...
