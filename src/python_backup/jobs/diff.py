"""What changed between two backups, from their manifests: no server is asked, and no dump is read.

A dump without a manifest, of whatever program, is read once instead, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactMissing
from python_backup.jobs.compare import compare_made
from python_backup.jobs.examine import Examiner
from python_backup.jobs.progress import Progress
from python_backup.model import MANIFEST, Facts, TableFacts
from python_backup.storage.folder import manifest_of
from python_backup.storage.stores.place import Named


class Content(StrEnum):
    """What became of a table. ``unknown``: as many rows, but another tool may have written them otherwise."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table in both backups; its rows are None where it is not there, or they could not be counted."""

    table: str
    before: int | None
    after: int | None
    content: Content


@dataclass(frozen=True, slots=True)
class ObjectsChange:
    """One kind of object: which there are only after, only before, and in both with other statements."""

    kind: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SequenceChange:
    """One sequence whose value is another; None where there is none."""

    sequence: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two backups. ``artifact`` is where its dump should be; ``writer`` is what wrote that."""

    path: Named
    artifact: Path
    database: str | None
    taken: datetime | None
    writer: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class DiffReport:
    """What changed from one backup to the other.

    ``tables`` are all of both, ``objects`` and ``sequences`` those that changed. ``comparable``:
    the same tool wrote both, so that other bytes are other values.
    """

    before: Side
    after: Side
    comparable: bool
    tables: tuple[TableChange, ...]
    objects: tuple[ObjectsChange, ...]
    sequences: tuple[SequenceChange, ...]

    @property
    def same(self) -> bool:
        """Whether nothing is known to have changed."""
        quiet = (Content.SAME, Content.UNKNOWN)
        return not self.objects and not self.sequences and all(t.content in quiet for t in self.tables)


def diff(before: Path, after: Path, progress: Progress) -> DiffReport:
    """Compares two backups, each an artifact or a manifest.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactCorrupt: a manifest, or a dump without one, cannot be read.
    """
    old, new = side(before, progress), side(after, progress)
    comparable = old.writer == new.writer
    return DiffReport(
        old,
        new,
        comparable,
        tuple(_tables(old.facts, new.facts, comparable=comparable)),
        tuple(_objects(old.facts, new.facts, comparable=comparable)),
        tuple(_sequences(old.facts.sequences, new.facts.sequences)),
    )


def side(path: Path, progress: Progress) -> Side:
    """One backup, by its artifact or its manifest."""
    named = path.name.endswith(MANIFEST)
    artifact = path.with_name(path.name.removesuffix(MANIFEST)) if named else path
    manifest = manifest_of(artifact)
    if manifest is not None:
        writer = f"{manifest.client} {_major(manifest.client_version)} of {_major(manifest.server_version)}"
        return Side(path, artifact, manifest.database, manifest.started, writer, manifest.facts)
    if named:
        raise ArtifactMissing(f"there is no file {path}")
    seen = Examiner(progress, guarded=False).examine(artifact)
    if seen.facts is None:
        raise ArtifactCorrupt(
            f"{path} cannot be read: {seen.failed.detail if seen.failed else 'it is no dump'}",
            hint=f"See `vya-backupdb verify --deep {path}`.",
        )
    header = seen.header
    tool, version = (header.tool, header.server_version) if header else (None, None)
    writer = f"{tool or 'unknown'} of {_major(version or '')}"
    return Side(path, artifact, header.database if header else None, seen.taken, writer, seen.facts)


def _major(version: str) -> str:
    """What of a version decides how values are written: ``10.11`` of ``10.11.19-MariaDB``."""
    found = re.search(r"\d+(?:\.\d+)?", version)
    return found.group() if found else "unknown"


def _tables(before: Facts, after: Facts, *, comparable: bool) -> Iterator[TableChange]:
    old, new = ({table.name: table for table in facts.tables} for facts in (before, after))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        content = _content(was, now, comparable=comparable)
        yield TableChange(name, was.rows if was else None, now.rows if now else None, content)


def _content(was: TableFacts | None, now: TableFacts | None, *, comparable: bool) -> Content:
    if was is None:
        return Content.ADDED
    if now is None:
        return Content.REMOVED
    if was.digest == now.digest:
        return Content.SAME
    return Content.CHANGED if comparable or was.rows != now.rows else Content.UNKNOWN


def _objects(before: Facts, after: Facts, *, comparable: bool) -> Iterator[ObjectsChange]:
    for kind in compare_made(before, after, alike=comparable):
        if not kind.equal:
            yield ObjectsChange(kind.kind, kind.unexpected, kind.missing, kind.changed)


def _sequences(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[SequenceChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield SequenceChange(name, before.get(name), after.get(name))
