"""Earlier backups of one database, found by their names: no folder is read whole to learn of the last one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from python_backup.errors import BackupError
from python_backup.instance import Dbms
from python_backup.model import MANIFEST, Format, Manifest
from python_backup.storage.folder import manifest_of
from python_backup.storage.names import ArtifactName, artifact_name, parse_folder, parse_name

_ANY = datetime(2000, 1, 1, tzinfo=UTC)
_TIME = len("20000101_000000")
"""Where in an artifact's name its time ends; what follows is the same for all backups of a database."""

_BESIDE = (MANIFEST, ".sha256")

AGE = 5.0
"""Seconds for which a folder's names are good: as long as what its server said (`jobs.ahead.FRESH`)."""

LOOKED_AT = 1000
"""Names that are looked at: another instance's database of the same name has the same."""


@dataclass(slots=True)
class Listing:
    """The names in one folder, which a run reads once for many databases; anew when they have some `AGE`.

    A folder of ten thousand backups would be looked through for each database else: that grows with history.
    """

    clock: Callable[[], float] = monotonic
    _read: float = float("-inf")
    _names: dict[str, list[str]] = field(default_factory=dict)

    def named(self, folder: Path, ends: Iterable[str]) -> list[str]:
        """The names of the folder's artifacts that end so after their time; always of the same folder.

        Raises:
            OSError: it cannot be read.
        """
        if self.clock() - self._read > AGE:
            self._names.clear()
            for name in os.listdir(folder):  # noqa: PTH208 - a name is not taken apart
                if not name.endswith(_BESIDE):
                    self._names.setdefault(name[_TIME:], []).append(name)
            self._read = self.clock()
        return [name for end in ends for name in self._names.get(end, ())]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose backups: as an artifact's name says it, and of which instance; ``format`` None: in any.

    ``listing`` has the folder's names, where several are asked for.
    """

    instance: str
    dbms: Dbms
    database: str
    format: Format | None = None
    listing: Listing | None = field(default=None, compare=False, repr=False)


def earlier(folder: Path, wanted: Wanted, most: int = LOOKED_AT) -> Iterator[Manifest]:
    """The manifests of a database's backups, the latest first; what cannot be read is passed over.

    No more than ``most`` names are looked at.
    """
    ends = {
        artifact_name(ArtifactName(_ANY, wanted.dbms, wanted.database, stored))[_TIME:]
        for stored in ((wanted.format,) if wanted.format is not None else Format)
    }
    try:
        names = (wanted.listing or Listing()).named(folder, ends)
    except OSError:
        return
    for name in sorted(names, reverse=True)[:most]:  # a name begins with its time
        if (parse_name(name) or parse_folder(name)) is None:
            continue
        with suppress(BackupError):
            manifest = manifest_of(folder / name)
            if manifest and (manifest.instance, manifest.database) == (wanted.instance, wanted.database):
                yield manifest


def last_good(folder: Path, wanted: Wanted, before: Manifest | None = None) -> Manifest | None:
    """The latest backup that is neither partial nor suspect, of those taken ``before`` another."""
    found = (one for one in earlier(folder, wanted) if before is None or _order(one) < _order(before))
    return next((manifest for manifest in found if manifest.good), None)


def _order(manifest: Manifest) -> tuple[datetime, str]:
    """Of two that began within one second, the second one has the later name (`names_tried`)."""
    return manifest.started, manifest.artifact.file
