"""Listing the backups in the backup folder."""

from __future__ import annotations

from pathlib import Path

from python_backup.model import Backup, Instance


def list_backups(
    folder: Path, *, instance: Instance | None = None, database: str | None = None
) -> tuple[Backup, ...]:
    """The folder's backups, newest first, narrowed to one instance or database.

    A file without a manifest belongs to every instance of its engine, for it does not say.
    """
    raise NotImplementedError
