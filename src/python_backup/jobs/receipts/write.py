"""Writing the receipt of a drill: what it showed of which bytes, signed, after the receipts before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from python_backup import __version__
from python_backup.errors import ArtifactCorrupt, StorageFailed
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.model import Manifest
from python_backup.receipt.envelope import sealed
from python_backup.receipt.keys import SigningKey
from python_backup.receipt.statement import Chained, Statement, dump_statement
from python_backup.storage.folder import manifest_of, manifest_path
from python_backup.storage.names import parse_path
from python_backup.storage.receipts import append, chain_folder, named_number
from python_backup.stream.artifact import stored_digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that was written; ``sha256`` is of its file, by which the next one will name it."""

    path: Path
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What receipts are signed with, and the backup folder that they go to."""

    folder: Path
    key: SigningKey
    now: Callable[[], datetime]


FileState = tuple[int, int, int]
"""What changes when a file does: its inode, size, and time of its last change in nanoseconds."""


def state_of(file: Path) -> FileState | None:
    """The artifact's state before its drill; None where it is not there."""
    try:
        status = (manifest_path(file) if file.is_dir() else file).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def write_receipt(
    request: DrillRequest, report: DrillReport, before: FileState | None, signing: Signing
) -> Receipt:
    """Signs and publishes what the drill showed; ``before`` is the artifact's `state_of` before it.

    Raises:
        ArtifactError: the artifact cannot be read, so that there is nothing to speak of.
        StorageFailed: the receipt cannot be written, or the artifact was changed amid the drill.
    """
    file = request.file
    manifest = _manifest(file)
    sha256 = _sum(file)
    if state_of(file) != before:
        raise StorageFailed(f"{file} was changed while it was drilled", hint="Drill it again.")
    name = parse_path(file)
    database = manifest.database if manifest else name.database if name else request.source or file.name
    instance = manifest.instance if manifest else None
    shown = _shown(report, manifest, signing.now())
    made: list[bytes] = []

    def envelope(place: Chained) -> bytes:
        stated = Statement(
            file.name, sha256, instance, database, report.verdict, report.started, place, shown
        )
        made.append(sealed(dump_statement(stated), signing.key))
        return made[-1]

    path = append(chain_folder(signing.folder, instance, database), report.started, envelope)
    return Receipt(path, named_number(path.name) or 0, hashlib.sha256(made[-1]).hexdigest())


def _manifest(file: Path) -> Manifest | None:
    """A manifest that is damaged says nothing; that it is, the drill has found."""
    try:
        return manifest_of(file)
    except ArtifactCorrupt:
        return None


def _sum(file: Path) -> str:
    return stored_digest(file, "sha256").hexdigest()


def _shown(report: DrillReport, manifest: Manifest | None, finished: datetime) -> dict[str, Any]:
    """The predicate's part that is this drill's own, in JSON's types."""
    return {
        "finished": finished.isoformat(),
        "reason": report.reason,
        "equality": report.equality,
        "server": report.server,
        "dumped": _dumped(manifest),
        "tables": [asdict(table) for table in report.tables],
        "objects": [asdict(kind) for kind in report.objects],
        "differences": report.differences,
        "checks": [asdict(check) for check in report.checks],
        "warnings": report.warnings,
        "seconds": {step: round(spent, 3) for step, spent in report.seconds.items()},
        "recovery": report.recovery,
        "program": f"vya-backupdb {__version__}",
    }


def _dumped(manifest: Manifest | None) -> dict[str, Any] | None:
    """Where the dump came from, as its manifest says."""
    if manifest is None:
        return None
    return {
        "dbms": manifest.dbms,
        "server_version": manifest.server_version,
        "started": manifest.started.isoformat(),
    }
