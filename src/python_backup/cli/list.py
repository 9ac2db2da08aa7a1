"""``vya-backupdb list``: the backups in the backup folder, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.cli.runs import show_runs
from python_backup.errors import StorageFailed, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from python_backup.model import Backup
    from python_backup.storage.proofs import Proof

_STATES = {
    "complete": Cell("complete", GOOD),
    "partial": Cell("partial", "yellow"),
    "suspect": Cell("suspect", "yellow"),
    "no manifest": Cell("no manifest", FAINT),
    "bad manifest": Cell("bad manifest", BAD),
}


def list_(
    *,
    instance: InstanceOption = None,
    database: Annotated[
        str | None,
        typer.Option("--database", "-d", metavar="NAME", help="This database alone.", show_default=False),
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="The latest runs and how they ended instead.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the backups in the backup folder, newest first."""
    from python_backup.jobs.backups import list_backups

    screen = Screen(json=json)
    settings = load_config(config, screen)
    if runs:
        if instance is not None or database is not None:
            raise UsageError("--runs lists all runs; leave out --instance and --database")
        show_runs(settings.directory, screen)
        return
    chosen = settings.instance(instance) if instance is not None else None
    found = list_backups(settings.directory, instance=chosen, database=database)
    shown = Proofs(_proofs(settings.directory, found, screen), settings.drilling.max_proof_age, _now())
    screen.result(
        {"directory": settings.directory, "backups": [document(backup, shown) for backup in found]},
        *([drawn(found, shown)] if found else [f"no backups in {settings.directory}"]),
    )
    for backup in found:
        if backup.problem:
            screen.warning(f"{backup.path.name}: {backup.problem}")


def _now() -> datetime:
    return datetime.now().astimezone()


def _proofs(folder: Path, found: tuple[Backup, ...], screen: Screen) -> dict[str, Proof]:
    """The latest drill of each that ended in a verdict on it."""
    from python_backup.storage.proofs import Verdict, latest_by_sum

    sums = [backup.manifest.artifact.sha256 for backup in found if backup.manifest]
    try:
        return latest_by_sum(folder, sums, frozenset({Verdict.PROVEN, Verdict.FAILED}))
    except StorageFailed as exc:
        screen.warning(exc.message)
        return {}


@dataclass(frozen=True, slots=True)
class Proofs:
    """What drills showed, by the artifacts' sums; ``most`` is how old a proof may be."""

    by_sum: Mapping[str, Proof]
    most: timedelta | None
    now: datetime

    def of(self, backup: Backup) -> Proof | None:
        """The latest drill of this backup."""
        return self.by_sum.get(backup.manifest.artifact.sha256) if backup.manifest else None

    def told(self, backup: Backup) -> str | Cell:
        """``proven 3 days ago``."""
        proof = self.of(backup)
        if proof is None:
            return "-"
        old = proof.verdict == "proven" and self.most is not None and self.now - proof.at > self.most
        style = "yellow" if old else GOOD if proof.verdict == "proven" else BAD
        return Cell(f"{proof.verdict} {words.age(self.now - proof.at)}{', stale' if old else ''}", style)


def state(backup: Backup) -> str:
    """Whether the backup is whole, as far as its manifest says."""
    if backup.manifest is None:
        return "bad manifest" if backup.problem else "no manifest"
    if backup.manifest.partial:
        return "partial"
    return "suspect" if backup.manifest.suspect else "complete"


def document(backup: Backup, shown: Proofs) -> dict[str, Any]:
    """One backup as ``--json`` gives it."""
    manifest = backup.manifest
    proof = shown.of(backup)
    return {
        "path": backup.path,
        "taken": backup.taken,
        "database": backup.database,
        "dbms": backup.dbms,
        "instance": manifest.instance if manifest else None,
        "rows": manifest.facts.rows if manifest else None,
        "size": backup.size,
        "raw_size": manifest.artifact.raw_size if manifest else None,
        "sha256": manifest.artifact.sha256 if manifest else None,
        "format": manifest.artifact.format if manifest else None,
        "state": state(backup),
        "suspect": manifest.suspect if manifest else {},
        "problem": backup.problem,
        "proof": None
        if proof is None
        else {"verdict": proof.verdict, "equality": proof.equality, "at": proof.at, "server": proof.server},
    }


def drawn(backups: tuple[Backup, ...], shown: Proofs) -> Table:
    """The backups as a table; with what drills showed, where any did."""
    return Table(
        [
            Column("taken"),
            Column("database", folds=True),
            Column("instance", spare=True),
            Column("dbms", spare=True),
            Column("rows", right=True),
            Column("size", right=True),
            Column("format", spare=True),
            Column("state"),
            *([Column("proof")] if shown.by_sum else []),
        ],
        [_row(backup, shown) for backup in backups],
    )


def _row(backup: Backup, shown: Proofs) -> list[str | Cell]:
    from python_backup.stream.suffixes import named_format

    manifest = backup.manifest
    stored = manifest.artifact.format if manifest else named_format(backup.path.name)
    return [
        words.moment(backup.taken),
        backup.database,
        manifest.instance if manifest else "-",
        backup.dbms.value if backup.dbms else "-",
        words.number(manifest.facts.rows if manifest else None),
        words.size(backup.size),
        stored.value if stored else "-",
        _STATES[state(backup)],
        *([shown.told(backup)] if shown.by_sum else []),
    ]
