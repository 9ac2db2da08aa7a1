"""Foretelling restores: the backup folder's manifests and records of drills, by database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_backup.jobs.backups import list_backups
from python_backup.policy.forecast import (
    DRILLS,
    Drilled,
    Forecast,
    Judged,
    Taken,
    forecast,
    judged,
)
from python_backup.policy.objectives import Objectives
from python_backup.storage.proofs import Proof, Verdict, latest_by_database, proofs

RECOVERY = ("get", "restore", "index", "verify")
"""The steps of a drill that a restore has too; a throw-away server is not started then."""


@dataclass(frozen=True, slots=True)
class DatabaseForecast:
    """One database's forecast beside its objectives."""

    instance: str
    database: str
    forecast: Forecast
    objectives: tuple[Judged, ...]

    @property
    def missed(self) -> bool:
        """Whether any objective is."""
        return not all(objective.met for objective in self.objectives)


def forecasts(
    folder: Path, objectives: Mapping[str, Objectives], databases: Collection[str], now: datetime
) -> Iterator[DatabaseForecast]:
    """Of each database that has a backup, by name; ``objectives`` has the instances that are wanted.

    ``databases`` narrows it; none: all. A backup that is partial or suspect counts for nothing, but its
    database is told.

    Raises:
        ArtifactMissing: there is no such folder.
    """
    taken: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for backup in list_backups(folder):
        manifest = backup.manifest
        if manifest is None or manifest.instance not in objectives:
            continue
        if databases and manifest.database not in databases:
            continue
        of = taken[manifest.instance, manifest.database]
        if manifest.good:
            of.append(Taken(manifest.started, manifest.artifact.raw_size))
    proven = (proof for proof in proofs(folder) if proof.verdict is Verdict.PROVEN)
    drills = latest_by_database(proven, DRILLS) if taken else {}
    for instance, database in sorted(taken):
        found = [_drilled(proof) for proof in drills.get((instance, database), ())]
        foretold = forecast(taken[instance, database], found)
        met = tuple(judged(foretold, objectives[instance], now))
        yield DatabaseForecast(instance, database, foretold, met)


def _drilled(proof: Proof) -> Drilled:
    return Drilled(proof.at, proof.raw_size or proof.size, sum(proof.seconds.get(s, 0.0) for s in RECOVERY))
