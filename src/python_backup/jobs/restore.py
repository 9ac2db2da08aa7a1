"""Restoring: verify the artifact, make the target, load it through the filter, compare the facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_backup.dump.changes import Changes
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
class TableCompared:
    """One table's rows as the dump holds them and as the target has them.

    ``expected`` None: the dump does not let them be counted; ``found`` None: there is no such
    table in the target.
    """

    table: str
    expected: int | None
    found: int | None

    @property
    def equal(self) -> bool | None:
        """None where there is nothing to compare with."""
        if self.found is None:
            return False
        return None if self.expected is None else self.expected == self.found


@dataclass(frozen=True, slots=True)
class ObjectsCompared:
    """One kind of object: how many the dump makes, how many the target has, and which differ."""

    kind: str
    expected: int
    found: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the target has just those that the dump makes."""
        return not self.missing and not self.unexpected


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did, or with ``dry_run`` would do.

    ``tables`` and ``objects`` are empty without verification. ``differences`` holds what else is
    not as the dump says (a sequence's value).
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
    tables: tuple[TableCompared, ...] = ()
    objects: tuple[ObjectsCompared, ...] = ()
    differences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    verified: bool = False

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        return (
            not self.differences
            and all(t.equal is not False for t in self.tables)
            and all(o.equal for o in self.objects)
        )


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
