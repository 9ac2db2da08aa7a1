"""Which databases of an instance a run takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from python_backup.errors import UsageError
from python_backup.model import Instance

_WILD = frozenset("*?[")


def chosen_databases(
    instance: Instance,
    present: Sequence[str],
    wanted: Sequence[str],
    exists: Callable[[str], bool],
) -> tuple[str, ...]:
    """The databases to back up, in the order asked for, else sorted.

    ``present`` are those that are not the engine's own. One that is (``postgres``) is taken only
    when it is asked for by its whole name, in ``wanted`` or in the instance's ``filter``. What is
    asked for by name is taken whatever the patterns say.

    Raises:
        UsageError: a wanted database is not there; the message names those that are.
    """
    if wanted:
        missing = [name for name in wanted if name not in present and not exists(name)]
        if missing:
            raise UsageError(
                f"instance {instance.label} has no database {', '.join(map(repr, missing))}",
                hint=f"it has: {', '.join(present) or 'none'}",
            )
        return tuple(dict.fromkeys(wanted))
    named = [p for p in instance.filter if not _WILD & set(p) and p not in present and exists(p)]
    return tuple(name for name in sorted({*present, *named}) if _passes(name, instance))


def _passes(name: str, instance: Instance) -> bool:
    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return (not instance.filter or matches(instance.filter)) and not matches(instance.ignore)
