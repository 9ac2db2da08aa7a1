"""Restoring: verify the artifact, make the target, load it through the filter, compare the facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from python_backup.dump.changes import Changes
from python_backup.jobs.compare import Comparison
from python_backup.jobs.progress import Progress
from python_backup.model import Facts, Instance, Manifest


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What to restore where. ``target`` None: the name in the manifest, the dump, or the file's name.

    ``source`` chooses one database of a dump that holds several. ``verify`` False skips the
    comparison afterwards; the artifact is verified in any case.
    """

    file: Path
    instance: Instance
    target: str | None = None
    source: str | None = None
    dry_run: bool = False
    force: bool = False
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a person is asked to agree to; ``size`` is the file's bytes, ``taken`` when it was dumped."""

    file: str
    size: int
    taken: datetime | None
    rows: int
    source: str | None
    target: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, or with ``dry_run`` would do.

    ``comparison`` is None where nothing was compared: a dry run, or no verification. ``seconds``
    has the time of each step by name: ``examine``, ``load``, ``compare``.
    """

    file: Path
    instance: Instance
    source: str | None
    target: str
    replaced: bool
    dry_run: bool
    facts: Facts
    manifest: Manifest | None
    changes: Changes
    comparison: Comparison | None = None
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return self.comparison is None or self.comparison.equal


def restore(
    request: RestoreRequest,
    confirm: Callable[[Replacement], bool],
    progress: Progress,
    now: Callable[[], datetime],
) -> RestoreReport:
    """Restores one artifact; ``confirm`` is asked before an existing database is replaced.

    Raises:
        ArtifactError: the artifact is missing or not whole; no server was touched.
        UnsafeDump: it holds what no restore may run; no server was touched.
        TargetExists: ``confirm`` said no.
        StatementFailed: the server refused a statement; what the restore made is dropped again.
    """
    raise NotImplementedError
