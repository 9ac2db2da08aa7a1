"""Backing up: every chosen database of every chosen instance, each on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from python_backup.errors import BackupError
from python_backup.jobs.progress import Progress
from python_backup.model import Format, Instance, Manifest

Outcome = Literal["done", "partial", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What to back up and how. No ``databases``: all that the instance's patterns leave.

    ``timeout`` is in seconds for one database. ``level`` None is the format's own default.
    """

    instances: tuple[Instance, ...]
    databases: tuple[str, ...]
    folder: Path
    format: Format
    level: int | None = None
    timeout: float | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseResult:
    """How one database fared; ``database`` is None when its whole instance could not be used.

    ``partial``: the backup is kept, and ``manifest.errors`` says what may be missing.
    ``planned``: a dry run; ``command`` is what would be run, ``path`` what it would write.
    """

    instance: Instance
    database: str | None
    outcome: Outcome
    seconds: float = 0.0
    path: Path | None = None
    manifest: Manifest | None = None
    command: tuple[str, ...] = ()
    error: BackupError | None = None
    warnings: tuple[str, ...] = ()


def back_up(
    request: BackupRequest, progress: Progress, now: Callable[[], datetime]
) -> tuple[DatabaseResult, ...]:
    """Backs up database after database; one that fails does not stop the others."""
    raise NotImplementedError
