"""Backups in a store are restored, planned, shown and compared as those that are here, and read no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integration.jobs.test_folder_in_part import Two, two
from python_backup.cli.plan import document
from python_backup.cli.render import plain
from python_backup.dump.pick import Pick
from python_backup.jobs.diff import diff
from python_backup.jobs.fetch import WHOLE, picked, rows_of
from python_backup.jobs.merge import MergeRequest, merge, read_of
from python_backup.jobs.plan import plan
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rows import changed_rows
from python_backup.jobs.show import pick_of, show_table
from support import databases
from support.folder_store import FolderStore, at, from_store
from support.silence import Silence

__all__ = ["two"]

Name = Callable[..., str]
TABLE = Pick(tables=("c_next",))
KINDS = ["file", "folder"]


def now() -> datetime:
    return datetime.now(UTC)


def restored(two: Two, path: Path, target: str, pick: Pick | None) -> RestoreReport:
    request = RestoreRequest(path, two.instance, target, pick=pick, jobs=2)
    report = restore(request, lambda _: False, Silence(), now)
    assert report.equal
    return report


def told(report: RestoreReport) -> tuple[Any, ...]:
    """What a report says but for where, and how long it took."""
    counts = {kind: count for kind, count in report.changes.counts.items() if kind != "database renamed"}
    return report.facts, report.manifest, report.source, report.warnings, report.comparison, counts


@pytest.mark.parametrize("kind", KINDS)
def test_one_table_is_restored_from_its_own_bytes_and_the_report_is_that_of_a_file(
    two: Two, new_database: Name, kind: str
) -> None:
    path: Path = getattr(two, kind)
    near, far = (new_database(two.server, "part", create=False) for _ in range(2))
    store = FolderStore(path.parent)
    here = restored(two, path, near, TABLE)
    with from_store(store).fetched(at(path.name), picked(TABLE)) as found:
        there = restored(two, found.path, far, TABLE)
    assert told(there) == told(here)
    rows = databases.scalar(two.server, far, "SELECT count(*) FROM c_next")
    assert rows == databases.scalar(two.server, near, "SELECT count(*) FROM c_next")
    if kind == "folder":
        unwanted = {part.file for table in ("b_first", "d_last") for part in two.parts(table)}
        assert not {name.removeprefix(f"{path.name}/") for name in store.came} & unwanted


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_it_is_restored(two: Two, new_database: Name, kind: str) -> None:
    path: Path = getattr(two, kind)
    near, far = (new_database(two.server, "all", create=False) for _ in range(2))
    here = restored(two, path, near, None)
    with from_store(FolderStore(path.parent)).fetched(at(path.name), WHOLE) as found:
        there = restored(two, found.path, far, None)
    assert told(there) == told(here)


@pytest.mark.parametrize("pick", [TABLE, None], ids=["table", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_that_of_a_file_and_holds_for_a_restore_of_either(
    two: Two, new_database: Name, kind: str, pick: Pick | None
) -> None:
    path: Path = getattr(two, kind)
    target = new_database(two.server, "planned", create=False)
    fetching = from_store(FolderStore(path.parent))

    def planned(file: Path) -> tuple[dict[str, Any], Any]:
        request = RestoreRequest(file, two.instance, target, pick=pick)
        made = plan(request, Silence(), now)
        said = plain(document(request, made, 0))
        del said["seconds_at_least"], said["order"]["file"]
        return said, made.fingerprint

    here, fingerprint = planned(path)
    with fetching.fetched(at(path.name), picked(pick)) as found:
        assert planned(found.path) == (here, fingerprint)
        request = RestoreRequest(found.path, two.instance, target, pick=pick, planned=fingerprint)
        assert restore(request, lambda _: False, Silence(), now).equal


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_shown_and_compared_with_that_of_a_backup_that_is_here(two: Two, kind: str) -> None:
    path: Path = getattr(two, kind)
    store = FolderStore(path.parent)
    with from_store(store).fetched(at(path.name), picked(pick_of("c_next"))) as found:
        there, here = (show_table(place, "c_next", 3, Silence()) for place in (found.path, path))
    assert (there.definition, there.tables, there.read) == (here.definition, here.tables, here.read)
    with from_store(store).fetched(at(path.name), rows_of("c_next")) as found:
        mixed = changed_rows(diff(found.path, two.file, Silence()), "c_next", 5, Silence())
    assert (mixed, mixed.same) == (
        changed_rows(diff(path, two.file, Silence()), "c_next", 5, Silence()),
        True,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_merged_from_a_store(two: Two, new_database: Name, kind: str) -> None:
    path: Path = getattr(two, kind)
    target = new_database(two.server, "merged", create=False)
    restored(two, path, target, TABLE)
    databases.execute(two.server, target, "DELETE FROM c_next WHERE id < 10")
    with from_store(FolderStore(path.parent)).fetched(at(path.name), picked(read_of(TABLE))) as found:
        report = merge(MergeRequest(found.path, two.instance, "keep", TABLE, target), Silence())
    assert [(merged.added, merged.replaced) for merged in report.merged] == [(9, 0)]
