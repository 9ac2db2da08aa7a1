"""Listing the backups in the backup folder."""

from __future__ import annotations

from pathlib import Path

from python_backup.model import Backup, Instance
from python_backup.storage.folder import backups


def list_backups(
    folder: Path, *, instance: Instance | None = None, database: str | None = None
) -> tuple[Backup, ...]:
    """The folder's backups, newest first, narrowed to one instance or database.

    A file without a manifest belongs to every instance of its engine, for it does not say.
    """
    return tuple(
        backup
        for backup in backups(folder)
        if (instance is None or _is_of(backup, instance))
        and (database is None or backup.database == database)
    )


def _is_of(backup: Backup, instance: Instance) -> bool:
    if backup.manifest is not None:
        return backup.manifest.instance == instance.id
    return backup.dbms in {None, instance.dbms}
