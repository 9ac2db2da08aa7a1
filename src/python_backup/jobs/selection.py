"""Which databases of an instance a run takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from python_backup.instance import Instance
from python_backup.policy.beside import is_beside

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Selection:
    """The databases to back up, in the order asked for, else sorted; ``missing`` are not there."""

    databases: tuple[str, ...]
    missing: tuple[str, ...] = ()


def select_databases(
    instance: Instance,
    present: Sequence[str],
    wanted: Sequence[str],
    exists: Callable[[str], bool],
) -> Selection:
    """Chooses among ``present``, the databases that are not the engine's own.

    Those that a restore made beside its target are taken only when they are wanted by name.

    One that is (``postgres``) is taken only when it is asked for by its whole name, in ``wanted``
    or in the instance's ``filter``. What is wanted by name is taken whatever the patterns say.
    """
    if wanted:
        there = {name: name in present or exists(name) for name in wanted}
        return Selection(
            tuple(name for name, found in there.items() if found),
            tuple(name for name, found in there.items() if not found),
        )
    present = [name for name in present if not is_beside(name)]
    named = [p for p in instance.filter if not _WILD & set(p) and p not in present and exists(p)]
    return Selection(tuple(name for name in sorted({*present, *named}) if _passes(name, instance)))


def _passes(name: str, instance: Instance) -> bool:
    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return (not instance.filter or matches(instance.filter)) and not matches(instance.ignore)
