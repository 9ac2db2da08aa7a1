"""Listing the backups in the backup folder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from python_backup.instance import Instance
from python_backup.model import Backup
from python_backup.storage.folder import backups


def list_backups(
    folder: Path, *, instance: Instance | None = None, database: str | None = None
) -> tuple[Backup, ...]:
    """The folder's backups, newest first, narrowed to one instance or database.

    A file without a manifest belongs to every instance of its engine, for it does not say.
    """
    return tuple(
        backup for backup in backups(folder, database) if instance is None or _is_of(backup, instance)
    )


def _is_of(backup: Backup, instance: Instance) -> bool:
    if backup.manifest is not None:
        return backup.manifest.instance == instance.id
    return backup.dbms in {None, instance.dbms}


def latest_of_each(
    backups: Iterable[Backup], at: datetime | None = None, *, suspect: bool = False
) -> tuple[Backup, ...]:
    """Of each instance's each database the latest that was taken by then, by name; partial ones too.

    What has no manifest is not looked at: it does not say whose it is. ``suspect`` ones are not, unless
    they are asked for.
    """
    latest: dict[tuple[str, str], Backup] = {}
    for backup in sorted(backups, key=lambda backup: backup.taken):
        if backup.manifest is None or (backup.manifest.suspect and not suspect):
            continue
        if at is None or backup.taken <= at:
            latest[backup.manifest.instance, backup.database] = backup
    return tuple(latest[key] for key in sorted(latest))
