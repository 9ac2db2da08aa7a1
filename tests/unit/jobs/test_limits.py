"""Limits of drills: the age of the backup, and its rows beside the good backup before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from python_backup.instance import Dbms
from python_backup.jobs.checks import CheckAnswered
from python_backup.jobs.limits import Drilled, Limits, kept
from python_backup.model import Facts, Format, Manifest, TableFacts
from python_backup.policy.anomalies import Rule
from python_backup.storage.folder import storing
from python_backup.storage.names import ArtifactName
from support.results import manifest

AT = datetime(2026, 1, 13, 15, 54, tzinfo=UTC)
FIFTH = Rule(max_shrink=0.2)


def facts(rows: int) -> Facts:
    return Facts((TableFacts("orders", rows, rows * 10, "0" * 64),), {}, {})


def stored(folder: Path, hours: int, rows: int, **changed: object) -> tuple[Path, Manifest]:
    """A backup of ``shop`` that was begun so many hours after `AT`."""
    at = AT + timedelta(hours=hours)
    made = replace(manifest("shop"), dbms=Dbms.MYSQL, started=at, facts=facts(rows), **changed)  # type: ignore[arg-type]
    with storing(folder, ArtifactName(at, Dbms.MYSQL, "shop", Format.NONE)) as new:
        new.write(b"x")
        return new.commit(made).path, made


def held(limits: Limits, path: Path, made: Manifest | None, rows: int) -> list[CheckAnswered]:
    return list(kept(limits, Drilled(path, "shop", made, facts(rows)), AT + timedelta(hours=30)))


def test_what_was_restored_is_measured_by_the_good_backup_before_it(tmp_path: Path) -> None:
    stored(tmp_path, 0, 10)
    stored(tmp_path, 1, 2, suspect={"orders": "less"})
    path, made = stored(tmp_path, 2, 8)
    stored(tmp_path, 3, 100)
    (good,) = held(Limits(expected=(FIFTH,)), path, made, 8)
    assert (good.sql, good.expected, good.ok, good.limit) == ("expect", "max_shrink 20%", True, True)
    assert "beside the backup of 2026-01-13" in good.found
    (bad,) = held(Limits(expected=(FIFTH,)), path, made, 7)
    assert bad.reason == "table orders: 7 rows, 10 in the last good backup: 30% less; max_shrink is 20%"
    assert not bad.ok


def test_an_accepted_backup_may_have_shrunk_but_not_below_its_fewest_rows(tmp_path: Path) -> None:
    stored(tmp_path, 0, 10)
    path, made = stored(tmp_path, 1, 3, accepted=True)
    assert held(Limits(expected=(FIFTH,)), path, made, 3) == []
    (few,) = held(Limits(expected=(FIFTH, Rule(min_rows={"orders": 4}))), path, made, 3)
    assert few.found == "3 rows; min_rows is 4"


def test_without_a_manifest_the_fewest_rows_for_all_instances_count(tmp_path: Path) -> None:
    rules = (FIFTH, Rule(database="shop", min_rows={"orders": 4}), Rule("1", min_rows={"orders": 99}))
    assert [one.ok for one in held(Limits(expected=rules), tmp_path / "shop.sql", None, 4)] == [True]
    assert [one.ok for one in held(Limits(expected=rules), tmp_path / "shop.sql", None, 3)] == [False]


def test_a_backup_may_be_as_old_as_the_limit_says(tmp_path: Path) -> None:
    path, made = stored(tmp_path, 4, 10)
    (old,) = held(Limits(timedelta(hours=25)), path, made, 10)
    assert not old.ok
    assert old.reason.endswith("is 26h old; max_age is 25h")
    assert [one.ok for one in held(Limits(timedelta(hours=26)), path, made, 10)] == [True]


def test_a_file_without_any_date_does_not_keep_an_age(tmp_path: Path) -> None:
    (unknown,) = held(Limits(timedelta(days=1)), tmp_path / "shop.sql", None, 1)
    assert (unknown.ok, unknown.found) == (False, "nothing says when it was taken")


def test_a_name_alone_tells_its_age(tmp_path: Path) -> None:
    taken = (AT + timedelta(hours=20)).astimezone()
    path = tmp_path / f"{taken:%Y%m%d_%H%M%S}_mysql_shop.sql"
    assert [one.ok for one in held(Limits(timedelta(hours=12)), path, None, 1)] == [True]


def test_without_limits_nothing_is_held_against_it(tmp_path: Path) -> None:
    assert held(Limits(), tmp_path / "shop.sql", None, 0) == []
