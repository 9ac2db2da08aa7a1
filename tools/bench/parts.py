"""Backups in parts beside the programs that dump and load with as many jobs, compressed at the same level.

On a database of several tables, and on one where a single table has nearly all the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.report import SECONDS, Measured
from bench.sides import LEVEL, Ours, Run
from support import databases

if TYPE_CHECKING:
    from bench.comparison import Comparison

BAR, GIANT_BAR = 1.0, 0.8
GIANT = 0.9
"""The share of the data that one table has."""

JOBS = 2
_FILLED = "filled"


def lines(
    comparison: Comparison, ours: Ours, folder: Path, bars: Mapping[str, float], say: Callable[[str], None]
) -> Iterator[Measured]:
    """Backup and restore of each database with its bar; what both took of the processor has none."""
    server = comparison.server
    peer = peers.found(server, folder, JOBS, LEVEL)
    if isinstance(peer, str):
        say(f"{server.id}: parts are not compared: {peer}")
        return
    theirs, jobs = folder / "peer", ("--jobs", str(JOBS))
    for database, bar in bars.items():

        def loaded() -> Run:
            with databases.database(server, _FILLED):
                return peer.restore(theirs, _FILLED)

        def backed_up(database: str = database) -> Run:
            return ours.backup(database, *jobs)[0]

        def dumped(database: str = database) -> Run:
            return peer.backup(database, theirs)

        mine, others = comparison.in_turns(backed_up, dumped)
        name = f"{server.id}, {database}, backup in parts: {peer.name}"
        yield _measured(name, mine, others, bar)
        yield Measured(f"{name}: clients' CPU", SECONDS, *(tuple(r.cpu for r in s) for s in (mine, others)))
        artifact = Path(mine[-1].said["databases"][0]["path"])
        mine, others = comparison.in_turns(
            lambda of=artifact, base=database: comparison.restored(ours, of, base, *jobs), loaded
        )
        name = f"{server.id}, {database}, restore of parts: {peer.restorer}"
        seconds = tuple(float(run.said["seconds"]["load"]) for run in mine)
        yield Measured(name, SECONDS, seconds, tuple(run.seconds for run in others), bar)


def _measured(name: str, mine: list[Run], others: list[Run], bar: float) -> Measured:
    return Measured(name, SECONDS, *(tuple(run.seconds for run in side) for side in (mine, others)), bar)
