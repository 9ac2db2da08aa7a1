"""Earlier backups of one database, found by their names: no folder is read whole to learn of the last one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from python_backup.errors import BackupError
from python_backup.instance import Dbms
from python_backup.model import Format, Manifest
from python_backup.storage.folder import manifest_of
from python_backup.storage.names import ArtifactName, artifact_name, parse_folder, parse_name

_ANY = datetime(2000, 1, 1, tzinfo=UTC)
_TIME = len("20000101_000000")
"""Where in an artifact's name its time ends; what follows is the same for all backups of a database.

A folder of ten thousand backups is looked through for each database of a run: a name is not taken apart.
"""

LOOKED_AT = 1000
"""Names that are looked at: another instance's database of the same name has the same."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose backups: as an artifact's name says it, and of which instance; ``format`` None: in any."""

    instance: str
    dbms: Dbms
    database: str
    format: Format | None = None


def earlier(folder: Path, wanted: Wanted, most: int = LOOKED_AT) -> Iterator[Manifest]:
    """The manifests of a database's backups, the latest first; what cannot be read is passed over.

    No more than ``most`` names are looked at.
    """
    ends = {
        artifact_name(ArtifactName(_ANY, wanted.dbms, wanted.database, stored))[_TIME:]
        for stored in ((wanted.format,) if wanted.format is not None else Format)
    }
    try:
        names = [name for name in os.listdir(folder) if name[_TIME:] in ends]  # noqa: PTH208
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
