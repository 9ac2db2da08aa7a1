"""A folder of many backups costs a run no more than one of few: files are counted, not seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.instance import Dbms
from python_backup.jobs.backups import list_backups
from python_backup.jobs.room import room_for
from python_backup.manifest import dump_manifest, load_manifest
from python_backup.model import MANIFEST, Format
from python_backup.storage.earlier import AGE, Listing, Wanted, last_good
from python_backup.storage.leftovers import clear_folder
from python_backup.storage.names import ArtifactName, artifact_name
from support.results import manifest

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
DATABASES = 20
SHOP = Wanted("1", Dbms.MYSQL, "db7")

_counting: list[list[str]] = []


def _opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _counting:
        _counting[-1].append(str(arguments[0]))


sys.addaudithook(_opened)  # cannot be taken away again, so it counts where it is asked to


@contextmanager
def opened() -> Iterator[list[str]]:
    """The files that are opened inside."""
    _counting.append([])
    try:
        yield _counting[-1]
    finally:
        _counting.pop()


def history(folder: Path, backups: int) -> Path:
    """So many backups of twenty databases, one a minute."""
    folder.mkdir()
    made = dump_manifest(replace(manifest("DB"), instance="1", dbms=Dbms.MYSQL))
    for number in range(backups):
        database = f"db{number % DATABASES}"
        at = AT + timedelta(minutes=number)
        path = folder / artifact_name(ArtifactName(at, Dbms.MYSQL, database, Format.ZSTD))
        one = load_manifest(made)
        one = replace(one, database=database, started=at, artifact=replace(one.artifact, file=path.name))
        path.write_bytes(b"x")
        path.with_name(path.name + MANIFEST).write_bytes(dump_manifest(one))
    return folder


@pytest.mark.parametrize(
    "ask",
    [
        lambda folder: last_good(folder, SHOP),
        lambda folder: room_for(folder, SHOP, lambda: 1),
        clear_folder,
    ],
    ids=["last good", "room", "leftovers"],
)
def test_what_a_backup_asks_of_its_folder_reads_as_many_files_however_many_there_are(
    tmp_path: Path, ask: Callable[[Path], object]
) -> None:
    few, many = history(tmp_path / "few", 2 * DATABASES), history(tmp_path / "many", 40 * DATABASES)
    ask(few)  # what is imported late is opened, too
    with opened() as before:
        ask(few)
    with opened() as after:
        ask(many)
    assert (len(after), len(after) <= 2) == (len(before), True)


def test_a_list_of_one_database_reads_the_manifests_of_that_alone(tmp_path: Path) -> None:
    folder = history(tmp_path / "many", 10 * DATABASES)
    with opened() as everywhere:  # of modules, too, that are imported when they are first used
        found = list_backups(folder, database="db7")
    files = [file for file in everywhere if file.startswith(os.fspath(folder))]
    assert [len(found), len(files)] == [10, 10]
    assert {os.fspath(backup.path) + MANIFEST for backup in found} == set(files)


def test_a_run_reads_a_folders_names_once_for_all_its_databases_and_again_when_they_are_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, now, read = history(tmp_path / "many", 2 * DATABASES), [0.0], []
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: read.append(place) or listed(place))
    listing = Listing(clock=lambda: now[0])
    wanted = [Wanted("1", Dbms.MYSQL, f"db{n}", Format.ZSTD, listing) for n in range(DATABASES)]
    once = [last_good(folder, one) for one in wanted]
    assert read == [folder]
    assert once == [last_good(folder, replace(one, listing=None)) for one in wanted]
    del read[:]
    now[0] = AGE + 1
    assert once == [last_good(folder, one) for one in wanted]
    assert read == [folder]
