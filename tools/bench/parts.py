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

BARS: Mapping[tuple[int, str], Mapping[str, float]] = {
    (2, "large"): {"postgresql": 1.0, "mysql": 1.0},
    (2, "giant"): {"postgresql": 0.8},
}
"""By jobs, database and family: the giant's where the tools take a table at a time; others have none."""

GIANT = 0.9
"""The share of the data that one table has."""

_FILLED = "filled"


def lines(
    comparison: Comparison, ours: Ours, folder: Path, jobs: int, say: Callable[[str], None]
) -> Iterator[Measured]:
    """Backup and restore of each database with its bar; what both took of the processor has none."""
    server = comparison.server
    peer = peers.found(server, folder, jobs, LEVEL)
    if isinstance(peer, str):
        say(f"{server.id}: parts are not compared: {peer}")
        return
    theirs = folder / "peer"
    for database in ("large", "giant"):
        bar = BARS.get((jobs, database), {}).get(server.family)

        def loaded() -> Run:
            with databases.database(server, _FILLED):
                return peer.restore(theirs, _FILLED)

        def backed_up(database: str = database) -> Run:
            return comparison.backed_up(ours, database, jobs)[0]

        def dumped(database: str = database) -> Run:
            return peer.backup(database, theirs)

        mine, others = comparison.in_turns(backed_up, dumped)
        name = f"{server.id}, {database}, backup in parts: {peer.name}"
        yield _measured(name, mine, others, bar)
        yield Measured(f"{name}: clients' CPU", SECONDS, *(tuple(r.cpu for r in s) for s in (mine, others)))
        artifact = Path(mine[-1].said["databases"][0]["path"])
        mine, others = comparison.in_turns(
            lambda of=artifact, base=database: comparison.restored(ours, of, base, jobs=jobs), loaded
        )
        name = f"{server.id}, {database}, restore of parts: {peer.restorer}"
        seconds = tuple(float(run.said["seconds"]["load"]) for run in mine)
        yield Measured(name, SECONDS, seconds, tuple(run.seconds for run in others), bar)


def _measured(name: str, mine: list[Run], others: list[Run], bar: float | None) -> Measured:
    return Measured(name, SECONDS, *(tuple(run.seconds for run in side) for side in (mine, others)), bar)
