"""All stores in one table; what reads one is imported when a URL of its scheme is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from types import MappingProxyType
from typing import cast

from python_backup.errors import ToolMissing
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.store import Store

Opener = Callable[[Place], AbstractContextManager[Store]]
"""Opens the folder of a place; what it holds open ends with the block."""

_OPENERS = MappingProxyType(
    {
        "s3": ("objects", "opened_bucket"),
        "https": ("objects", "opened_site"),
        "http": ("objects", "opened_site"),
        "sftp": ("sftp", "opened_folder"),
    }
)


_EXTRAS = MappingProxyType({"obstore": "remote"})
"""Packages that are not installed with the program, and the extra that brings each."""


class _Stores(Mapping[str, Opener]):
    """Imports a driver when it is first asked for: runs on this machine's own files need none."""

    def __getitem__(self, scheme: str) -> Opener:
        module, opener = _OPENERS[scheme]
        try:
            driver = import_module(f"{__package__}.{module}")
        except ModuleNotFoundError as exc:
            package = (exc.name or "").partition(".")[0]
            if package not in _EXTRAS:
                raise
            hint = f"Install it: `pip install 'vya-backupdb[{_EXTRAS[package]}]'`."
            raise ToolMissing(
                f"{scheme}:// needs the package {package}, which is not installed", hint=hint
            ) from exc
        return cast("Opener", getattr(driver, opener))

    def __iter__(self) -> Iterator[str]:
        return iter(_OPENERS)

    def __len__(self) -> int:
        return len(_OPENERS)


STORES: Mapping[str, Opener] = _Stores()


def opened_store(place: Place) -> AbstractContextManager[Store]:
    """The files of the folder that a place is in, closed with the block.

    Raises:
        ToolMissing: a library or a program that reads such a store is not installed.
        ArtifactError: the store cannot be opened.
    """
    return STORES[place.scheme](place)
