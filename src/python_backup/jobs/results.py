"""How the backup of one database fared, and what the log is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from python_backup.errors import BackupError
from python_backup.instance import Instance
from python_backup.log.events import Event
from python_backup.log.tell import about, explained, tell
from python_backup.model import Manifest

Outcome = Literal["done", "partial", "suspect", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class DatabaseResult:
    """How one database fared; ``database`` is None when its whole instance could not be used.

    ``partial``: the backup is kept, and ``manifest.errors`` says what may be missing. ``suspect``: it is
    whole and kept, and ``manifest.suspect`` says by table what is not as expected.
    ``planned``: a dry run; ``command`` is what would be run, ``path`` what it would write.
    ``attempts`` is how often it was tried; 0: its instance was found down before.
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
    attempts: int = 1


def told(result: DatabaseResult) -> DatabaseResult:
    """Tells the log how a database fared, and gives that on."""
    manifest, seconds = result.manifest, round(result.seconds, 3)
    with about(instance=result.instance.id, database=result.database):
        if result.error is not None:
            tell(Event.DATABASE_FAILED, result.error.message, **explained(result.error), seconds=seconds)
        elif manifest is not None:
            stored: dict[str, Any] = {"path": result.path, "bytes": manifest.artifact.size}
            stored |= {"rows": manifest.facts.rows, "seconds": seconds}
            if manifest.partial:
                why = "the backup may lack something"
                tell(Event.DATABASE_PARTIAL, why, **stored, errors=manifest.errors)
            if manifest.suspect:
                tell(
                    Event.DATABASE_SUSPECT,
                    "the backup is not as expected",
                    **stored,
                    suspect=manifest.suspect,
                )
            if manifest.good:
                tell(Event.DATABASE_DONE, "backed up", **stored)
    return result
