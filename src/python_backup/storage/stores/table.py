"""All stores in one table; what reads one is imported when a URL of its scheme is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from types import MappingProxyType
from typing import cast

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


class _Stores(Mapping[str, Opener]):
    """Imports a driver when it is first asked for: runs on this machine's own files need none."""

    def __getitem__(self, scheme: str) -> Opener:
        module, opener = _OPENERS[scheme]
        return cast("Opener", getattr(import_module(f"{__package__}.{module}"), opener))

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
