"""vya-backupdb forecast, over made-up manifests and records of drills."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.instance import Dbms
from python_backup.manifest import dump_manifest
from python_backup.storage.proofs import Proof, Verdict, keep
from support.results import manifest

GB = 10**9


@pytest.fixture
def folder(config: Path) -> Path:
    folder = config.with_name("backups")
    folder.mkdir()
    return folder


@pytest.fixture
def backed(folder: Path) -> Callable[..., None]:
    """Puts a backup of the database there, taken so many days ago, with a dump of that size."""

    def backed(days: float, size: int, database: str = "shop", **more: object) -> None:
        taken = datetime.now(UTC) - timedelta(days=days)
        made = manifest(database)
        name = f"{taken.astimezone():%Y%m%d_%H%M%S}_mysql_{database}.sql.zst"
        made = replace(made, started=taken, artifact=replace(made.artifact, file=name, raw_size=size), **more)
        (folder / name).write_bytes(b"x")
        (folder / f"{name}.manifest.json").write_bytes(dump_manifest(made))

    return backed


@pytest.fixture
def drilled(folder: Path) -> Callable[..., None]:
    """Puts the record of a drill there."""

    def drilled(
        days: float, size: int, seconds: float, verdict: Verdict = Verdict.PROVEN, database: str = "shop"
    ) -> None:
        at = datetime.now(UTC) - timedelta(days=days)
        steps = {
            "start": 100.0,
            "get": 0.0,
            "restore": seconds / 2,
            "index": seconds / 4,
            "verify": seconds / 4,
        }
        keep(
            folder,
            Proof("a", "1" * 64, "1", Dbms.MYSQL, database, at, at, verdict, seconds=steps, raw_size=size),
        )

    return drilled


def objectives(config: Path, text: str) -> None:
    config.write_text(config.read_text() + f"objectives: {text}\n")


def test_it_says_how_long_and_upon_what_that_rests(
    vya: Callable, backed: Callable, drilled: Callable
) -> None:
    for day in range(4):
        backed(3.1 - day, GB + day * 10**7)
    drilled(2, GB, 100.0)
    drilled(1, GB, 100.0)
    drilled(0.5, GB, 1.0, Verdict.FAILED)
    ran = vya("forecast", "--instance", "1", "--json")
    assert ran.code == 0
    (one,) = ran.document["databases"]
    assert (one["database"], one["drills"], one["size"]) == ("shop", 2, GB + 3 * 10**7)
    assert one["restore_seconds"] == pytest.approx(103.0)
    assert one["growth_per_day"] == pytest.approx(10**7, rel=1e-3)
    assert one["restore_seconds_in_30_days"] == pytest.approx(133.0, rel=1e-3)
    assert one["objectives"] == []
    drawn = vya("forecast", "--instance", "1").out
    assert "2 drills, 1 day ago" in drawn
    assert "+10.0 MB" in drawn
    assert "1:43" in drawn
    assert "no objectives" in drawn


def test_without_a_drill_nothing_is_foretold(vya: Callable, backed: Callable, config: Path) -> None:
    backed(0.1, GB)
    ran = vya("forecast", "--all", "--json")
    assert ran.code == 0
    assert ran.document["databases"][0]["restore_seconds"] is None
    assert "no drill yet" in vya("forecast", "--all").out
    objectives(config, "{rto: 1h}")
    ran = vya("forecast", "--all")
    assert ran.code == 7
    assert "rto 1 h cannot be said to be met: there is no proven drill yet" in ran.out


def test_a_missed_objective_is_no_success(
    vya: Callable, backed: Callable, drilled: Callable, config: Path
) -> None:
    backed(1.25, GB)
    drilled(1, GB, 7800.0)
    objectives(config, "{rpo: 24h, rto: 2h}")
    ran = vya("forecast", "--instance", "1")
    assert ran.code == 7
    assert "shop: rpo 24 h is missed by 6 h: the latest complete backup is 30 h old" in ran.out
    assert "shop: rto 2 h is missed by 10 min: a restore takes 2 h 10 min" in ran.out
    assert "1 of 1 database: an objective is missed" in ran.out
    found = vya("forecast", "--instance", "1", "--json").document["databases"][0]["objectives"]
    assert [(one["name"], one["met"]) for one in found] == [("rpo", False), ("rto", False)]


def test_an_instances_own_objective_goes_before(vya: Callable, backed: Callable, config: Path) -> None:
    backed(1.25, GB)
    objectives(config, "{rpo: 24h}")
    text = config.read_text()
    config.write_text(text.replace("name: web, ", "name: web, objectives: {rpo: 2d}, "))
    ran = vya("forecast", "--instance", "1")
    assert ran.code == 0
    assert "all objectives are met" in ran.out


def test_what_is_partial_or_suspect_is_no_latest_backup(
    vya: Callable, backed: Callable, config: Path
) -> None:
    backed(0.1, GB, errors=("a view is missing",))
    backed(0.2, GB, suspect={"users": "fewer rows"})
    objectives(config, "{rpo: 24h}")
    ran = vya("forecast", "--all")
    assert ran.code == 7
    assert "there is no complete backup" in ran.out
    backed(3, GB)
    assert "is 72 h old" in vya("forecast", "--all").out


def test_what_will_be_missed_soon_is_said(
    vya: Callable, backed: Callable, drilled: Callable, config: Path
) -> None:
    for day in range(3):
        backed(2.1 - day, GB + day * 10**8)
    drilled(1, GB, 100.0)
    objectives(config, "{rto: 3m}")
    ran = vya("forecast", "--all")
    assert ran.code == 0
    assert "shop: rto 3 min will be missed in 6 days" in ran.out


def test_databases_are_narrowed_and_none_is_a_usage_error(vya: Callable, backed: Callable) -> None:
    assert vya("forecast", "--all").code == 2
    backed(0.1, GB)
    backed(0.1, GB, "blog")
    named = vya("forecast", "--all", "--database", "blog", "--json").document["databases"]
    assert [one["database"] for one in named] == ["blog"]
    ran = vya("forecast", "--all", "--database", "typo")
    assert (ran.code, "no backup of typo" in ran.err) == (2, True)
    assert vya("forecast").code == 2
    assert vya("forecast", "--all", "--instance", "1").code == 2
    assert vya("forecast", "--instance", "main").code == 2
