"""Whose turn it is: which backups a run drills, and in which order, so that every database comes round.

What has gone longest without proof is first. A run with a budget takes that one whatever it takes, then
others as far as they fit; how long one will take is told by its own drills before, else by those of others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from python_backup.model import Backup
from python_backup.storage.proofs import Proof, Verdict, latest_by_database, proofs

LOOKED_AT = 5
"""Earlier drills of one database that tell how long the next will take."""

START_SECONDS = 5.0
RAW_BYTES_A_SECOND = 10e6
"""What is expected where no drill was measured yet: a slow machine."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """One backup that could be drilled.

    ``proven`` is when its database last was, by any backup; ``seconds`` is what the drill may take.
    """

    backup: Backup
    proven: datetime | None
    seconds: float

    def stale(self, now: datetime, most: timedelta | None) -> str | None:
        """Why its proof no longer counts; None where it does, or where nothing says how old it may be."""
        if most is None:
            return None
        if self.proven is None:
            return "it was never proven"
        return (
            f"it was last proven {self.proven.astimezone():%Y-%m-%d %H:%M}"
            if now - self.proven > most
            else None
        )


def of_databases(
    backups: Iterable[Backup], instances: Collection[str], databases: Collection[str]
) -> tuple[Backup, ...]:
    """Those of these instances and databases; no ``databases``: all."""
    return tuple(
        backup
        for backup in backups
        if backup.manifest is not None
        and backup.manifest.instance in instances
        and (not databases or backup.database in databases)
    )


def turns(folder: Path, backups: Iterable[Backup]) -> tuple[Turn, ...]:
    """The backups, what has gone longest without proof first.

    Raises:
        StorageFailed: the records of drills cannot be read.
    """
    drilled = [proof for proof in proofs(folder) if proof.verdict is not Verdict.ERROR]
    of_each = latest_by_database(drilled, LOOKED_AT)
    last = latest_by_database(proof for proof in drilled if proof.verdict is Verdict.PROVEN)
    others = _rate(drilled)
    found = []
    for backup in backups:
        key = (backup.manifest.instance, backup.database) if backup.manifest else ("", "")
        proven = last[key][0].at if key in last else None
        found.append(Turn(backup, proven, _expected(backup, of_each.get(key, ()), others)))
    return tuple(sorted(found, key=lambda turn: (turn.proven or _NEVER, turn.backup.taken)))


def within(budget: float, queue: Sequence[Turn], done: Mapping[Path, float]) -> Turn | None:
    """The next of the queue, when those ``done`` took so many seconds; None where none fits any more."""
    spent = sum(done.values())
    rest = [turn for turn in queue if turn.backup.path not in done]
    if not done and budget > 0:
        return rest[0] if rest else None
    return next((turn for turn in rest if spent + turn.seconds <= budget), None)


def _expected(backup: Backup, own: Sequence[Proof], others: float) -> float:
    raw = _raw_size(backup)
    scaled = [proof.total * max(raw / proof.raw_size, 0.1) for proof in own if proof.raw_size and proof.total]
    return median(scaled) if scaled else START_SECONDS + raw / others


def _rate(drilled: Sequence[Proof]) -> float:
    """Dump bytes a second over all drills that were measured."""
    seconds = sum(proof.total for proof in drilled)
    size = sum(proof.raw_size for proof in drilled if proof.total)
    return size / seconds if size and seconds else RAW_BYTES_A_SECOND


def _raw_size(backup: Backup) -> int:
    return backup.manifest.artifact.raw_size if backup.manifest else backup.size
