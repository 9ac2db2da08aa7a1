"""Modules that are imported when something of theirs is first used.

Every module costs a start: it is read, its regular expressions compiled, its dataclasses made. What a backup
needs nothing of (loading, merging, taking over) is therefore named twice: under ``TYPE_CHECKING`` for who
reads and checks the code, and by `late` for the program::

    if TYPE_CHECKING:
        from python_backup.engines.mysql import load, merge
    else:
        load, merge = late(__package__, "load merge")
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class LateModule:
    """Stands for a module; what it is asked for is the module's own."""

    _name: str

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def late(package: str | None, modules: str) -> tuple[LateModule, ...]:
    """Stand-ins for modules of a package, in the order of their names; none is imported yet."""
    return tuple(LateModule(f"{package}.{module}") for module in modules.split())
