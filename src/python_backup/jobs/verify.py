"""Verifying an artifact without a server: checksum, every byte decoded, end mark, facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from python_backup.jobs.compare import ObjectsCompared
from python_backup.jobs.deep import DeepLook, TableVerified
from python_backup.jobs.evidence import Check
from python_backup.jobs.examine import Examiner
from python_backup.jobs.progress import Progress
from python_backup.log.tell import timed
from python_backup.model import Facts, Manifest


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found of one artifact; ``facts`` is None where it could not be read to its end.

    ``tables`` and ``objects`` are there after a deep look.
    """

    path: Path
    checks: tuple[Check, ...]
    facts: Facts | None
    manifest: Manifest | None
    tables: tuple[TableVerified, ...] = ()
    objects: tuple[ObjectsCompared, ...] = ()
    deep: bool = False

    @property
    def good(self) -> bool:
        """Whether no check failed."""
        return all(check.ok is not False for check in self.checks)

    def told(self, saying: Callable[[str], str]) -> VerifyReport:
        """The report, each of its sentences as it is to be said."""
        checks = tuple(replace(check, detail=saying(check.detail)) for check in self.checks)
        return replace(self, checks=checks)


def verify_artifact(
    path: Path, progress: Progress, *, deep: bool = False, bwlimit: int | None = None
) -> VerifyReport:
    """Reads the whole artifact; a bad one is a report, not an exception.

    ``deep``: says of every table, object, row and statement what can be said without a server. ``bwlimit``:
    how many of its bytes are read in a second.

    Raises:
        ArtifactMissing: there is no such file.
    """
    look = DeepLook()
    with timed("examine"):
        witness = look if deep else None
        seen = Examiner(progress, guarded=False, witness=witness, bwlimit=bwlimit).examine(path)
    if not deep:
        return VerifyReport(path, seen.checks, seen.facts, seen.manifest)
    whole = seen.facts is not None
    return VerifyReport(
        path,
        (*seen.checks, *look.checks(seen.manifest, whole=whole)),
        seen.facts,
        seen.manifest,
        tuple(look.tables(seen.manifest, whole=whole)),
        look.objects(seen.manifest) if whole else (),
        deep=True,
    )
