"""Verifying an artifact without a server: checksum, every byte decoded, end mark, facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from python_backup.jobs.examine import Check, Examiner
from python_backup.jobs.progress import Progress
from python_backup.log.tell import timed
from python_backup.model import Facts, Manifest


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found of one artifact; ``facts`` is None where it could not be read to its end."""

    path: Path
    checks: tuple[Check, ...]
    facts: Facts | None
    manifest: Manifest | None

    @property
    def good(self) -> bool:
        """Whether no check failed."""
        return all(check.ok is not False for check in self.checks)


def verify_artifact(path: Path, progress: Progress) -> VerifyReport:
    """Reads the whole artifact; a bad one is a report, not an exception.

    Raises:
        ArtifactMissing: there is no such file.
    """
    with timed("examine"):
        seen = Examiner(progress, guarded=False).examine(path)
    return VerifyReport(path, seen.checks, seen.facts, seen.manifest)
