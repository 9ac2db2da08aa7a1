"""What a plan was made with: the artifact's bytes, and what the target held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from python_backup.engines.engine import Server
from python_backup.errors import Refused
from python_backup.jobs.examine import Examination
from python_backup.stream.artifact import stored_digest, stored_size

SHOWN = 10
"""How many differences an error names."""


@dataclass(frozen=True, slots=True)
class ArtifactState:
    """The artifact's bytes; ``sha256`` is of them as they are stored."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TargetState:
    """The target and its server: tables by `python_backup.model.label` with their exact rows."""

    version: str
    exists: bool
    tables: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(self.tables.values())


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Artifact and target at one moment."""

    artifact: ArtifactState
    target: TargetState


def take_fingerprint(seen: Examination, server: Server, target: str) -> Fingerprint:
    """Looks at both; the target's tables are counted."""
    exists = server.exists(target)
    return Fingerprint(
        _state(seen),
        TargetState(
            server.version,
            exists,
            dict(server.counts(target)) if exists else {},
            {kind: tuple(names) for kind, names in server.objects(target).items()} if exists else {},
        ),
    )


def _state(seen: Examination) -> ArtifactState:
    """Of an artifact that was read in part what its manifest says: each part that is read must be so."""
    if seen.in_part and seen.manifest is not None:
        return ArtifactState(seen.manifest.artifact.size, seen.manifest.artifact.sha256)
    return ArtifactState(stored_size(seen.path), stored_digest(seen.path, "sha256").hexdigest())


def refuse_changed(planned: Fingerprint, found: Fingerprint) -> None:
    """Nothing is done on another ground than the plan's.

    Raises:
        Refused: with what has changed.
    """
    changed = list(differences(planned, found))
    if changed:
        more = f"\n  and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        listed = "".join(f"\n  {what}" for what in changed[:SHOWN])
        raise Refused(
            f"the plan no longer holds:{listed}{more}",
            hint="Make another: vya-backupdb plan --output PLAN.json.",
        )


def differences(planned: Fingerprint, found: Fingerprint) -> Iterator[str]:
    """One sentence for each thing that is not as it was."""
    if planned.artifact != found.artifact:
        yield f"the artifact's sha256 is {found.artifact.sha256}, was {planned.artifact.sha256}"
    then, now = planned.target, found.target
    if then.version != now.version:
        yield f"the server's version is {now.version}, was {then.version}"
    if then.exists is not now.exists:
        yield "the target exists now" if now.exists else "the target is no longer there"
        return
    for table in sorted({*then.tables, *now.tables}):
        was, has = then.tables.get(table), now.tables.get(table)
        if was != has:
            yield f"table {table}: {_rows(has)}, was {_rows(was)}"
    for kind in sorted({*then.objects, *now.objects} - {"tables"}):
        was_there, is_there = set(then.objects.get(kind, ())), set(now.objects.get(kind, ()))
        if is_there - was_there:
            yield f"{kind} that are new: {', '.join(sorted(is_there - was_there))}"
        if was_there - is_there:
            yield f"{kind} that are gone: {', '.join(sorted(was_there - is_there))}"


def _rows(count: int | None) -> str:
    return "not there" if count is None else f"{count:,} rows"
