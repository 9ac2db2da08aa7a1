"""What plan, restore and rollback refuse in the same words."""

from __future__ import annotations

from python_backup.errors import Refused
from python_backup.instance import Instance


def stuck(target: str, reasons: tuple[str, ...]) -> Refused:
    """The refusal to fill a target in place where there is no other way."""
    return Refused(
        f"{target!r} cannot be replaced by moving its tables: {'; '.join(reasons)}",
        hint="Leave out --no-in-place: it is backed up, emptied and filled, and put back if that fails.",
    )


def part_for_whole(target: str, instance: Instance) -> Refused:
    """The refusal to replace a database by a part of a dump."""
    return Refused(
        f"database {target!r} exists on instance {instance.label}, and a part of a dump does not replace it",
        hint="Give another --target, or --merge keep|replace to load rows into the tables that are there.",
    )


def in_use(target: str, others: tuple[str, ...]) -> Refused:
    """The refusal to replace a database that others are connected to."""
    listed = "\n".join(f"  {other}" for other in others)
    return Refused(
        f"database {target!r} is in use by {len(others)} other sessions:\n{listed}",
        hint="End them, or give --disconnect to have them ended.",
    )


def unresumable(target: str, reasons: tuple[str, ...]) -> Refused:
    """The refusal to keep what is loaded of a target that is filled where it stands."""
    return Refused(
        f"{target!r} is filled where it stands, and not beside it: {'; '.join(reasons)}",
        hint="Leave out --resume: what fails there is undone.",
    )
