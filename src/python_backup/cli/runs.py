"""``vya-backupdb list --runs``: the records of runs, and how each ended."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from python_backup.cli import words
from python_backup.cli.render import BAD, GOOD, Cell, Column, Screen, Table

SHOWN = 40
"""Runs that the table has; ``--json`` gives all."""


def show_runs(folder: Path, screen: Screen) -> None:
    """The latest first."""
    from python_backup.storage.runs import runs

    found = runs(folder)
    screen.result(
        {"directory": folder, "runs": found},
        *([drawn(found[:SHOWN])] if found else [f"no runs in {folder}"]),
    )


def drawn(found: tuple[dict[str, Any], ...]) -> Table:
    """The runs as a table."""
    columns = [Column("run", folds=True), Column("began"), Column("command"), Column("took", right=True)]
    columns += [Column("databases", right=True), Column("ended", folds=True)]
    return Table(columns, [_row(record) for record in found])


def _row(record: dict[str, Any]) -> list[str | Cell]:
    began = datetime.fromisoformat(record["started"])
    ended = datetime.fromisoformat(record["finished"]) if record["finished"] else None
    return [
        record["id"],
        words.moment(began),
        record["command"],
        words.duration((ended - began).total_seconds()) if ended else "-",
        words.number(len(record["databases"])),
        _ending(record),
    ]


def _ending(record: dict[str, Any]) -> Cell:
    if record["state"] != "ended":
        return Cell(record["state"], BAD if record["state"] == "killed" else "yellow")
    if record["signal"]:
        return Cell(f"by {record['signal']}", BAD)
    code = record["exit_code"]
    return Cell("well", GOOD) if code == 0 else Cell(f"exit code {code}", BAD)
