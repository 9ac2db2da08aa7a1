"""Which backups a run drills, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.instance import Dbms
from python_backup.jobs.turns import Turn, turns, within
from python_backup.model import Artifact, Backup, Facts, Format, Manifest
from python_backup.storage.proofs import Proof, Verdict, keep

NOW = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
DAY = timedelta(days=1)


def backup(database: str, size: int = 1_000_000_000) -> Backup:
    artifact = Artifact(f"{database}.sql", Format.NONE, size, "0" * 64, size, "1" * 64)
    manifest = Manifest(
        "vya-backupdb 1", "1", Dbms.MYSQL, database, NOW, NOW, "9.7.4", "mysqldump", "9.7.4", (), artifact,
        Facts((), {}, {}),
    )  # fmt: skip
    return Backup(Path(f"{database}.sql"), Dbms.MYSQL, database, NOW, size, manifest)


def drilled(
    folder: Path, database: str, days: float, verdict: Verdict = Verdict.PROVEN, **more: object
) -> None:
    proof = Proof(
        f"{database}.sql", "1" * 64, "1", Dbms.MYSQL, database, NOW, NOW - days * DAY, verdict,
        seconds={"restore": 60.0}, raw_size=1_000_000_000,
    )  # fmt: skip
    keep(folder, replace(proof, **more))  # type: ignore[arg-type]


def names(found: tuple[Turn, ...]) -> list[str]:
    return [turn.backup.database for turn in found]


def test_what_has_gone_longest_without_proof_is_first(tmp_path: Path) -> None:
    drilled(tmp_path, "a", 1)
    drilled(tmp_path, "b", 9)
    drilled(tmp_path, "b", 2, Verdict.FAILED)
    drilled(tmp_path, "d", 3)
    drilled(tmp_path, "d", 0, Verdict.ERROR)
    found = turns(tmp_path, [backup("a"), backup("b"), backup("c"), backup("d")])
    assert names(found) == ["c", "b", "d", "a"]
    assert [turn.proven for turn in found] == [None, NOW - 9 * DAY, NOW - 3 * DAY, NOW - DAY]


def test_a_drill_takes_as_long_as_its_own_before_for_as_many_bytes(tmp_path: Path) -> None:
    for seconds in (50.0, 60.0, 1000.0):
        drilled(tmp_path, "a", 1, seconds={"restore": seconds, "verify": 10.0})
    found = {turn.backup.database: turn.seconds for turn in turns(tmp_path, [backup("a", 2_000_000_000)])}
    assert found == {"a": 140.0}


def test_without_a_drill_of_its_own_the_others_rate_tells(tmp_path: Path) -> None:
    drilled(tmp_path, "a", 1, seconds={"restore": 100.0})
    [found] = turns(tmp_path, [backup("b", 500_000_000)])
    assert found.seconds == 55.0
    [unknown] = turns(tmp_path / "none", [backup("b", 500_000_000)])
    assert unknown.seconds == 55.0


def queue(*seconds: float) -> list[Turn]:
    return [Turn(backup(str(n)), None, each) for n, each in enumerate(seconds)]


@pytest.mark.parametrize(
    ("budget", "taken"),
    [(float("inf"), "0123"), (0, ""), (100, "0"), (320, "02"), (340, "023"), (1000, "0123")],
)
def test_the_first_has_its_turn_whatever_it_takes_and_others_as_they_fit(budget: float, taken: str) -> None:
    waiting = queue(300, 400, 20, 20)
    done: dict[Path, float] = {}
    while turn := within(budget, waiting, done):
        done[turn.backup.path] = turn.seconds
    assert "".join(path.stem for path in done) == taken


def test_what_took_longer_than_expected_leaves_less() -> None:
    waiting = queue(10, 10)
    assert within(30, waiting, {waiting[0].backup.path: 25.0}) is None


@pytest.mark.parametrize(
    ("proven", "most", "stale"),
    [(None, None, False), (None, DAY, True), (NOW - 2 * DAY, DAY, True), (NOW - DAY, 2 * DAY, False)],
)
def test_a_proof_is_stale_when_it_is_older_than_it_may_be(
    proven: datetime | None, most: timedelta | None, stale: bool
) -> None:
    assert (Turn(backup("a"), proven, 1).stale(NOW, most) is not None) is stale
