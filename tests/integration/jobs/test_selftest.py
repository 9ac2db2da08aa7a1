"""Damaged copies of real backups: every alarm rings, and the original is as it was."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_parts import good, in_parts
from python_backup.errors import StorageFailed
from python_backup.jobs import selftest as job
from python_backup.jobs.damages import DAMAGES, Damage, StoredDamage
from python_backup.jobs.selftest import SelftestReport, SelftestRequest, selftest
from python_backup.model import Format
from python_backup.storage.proofs import Verdict
from support import shop
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence

NAMES = ["none", *(damage.name for damage in DAMAGES)]


def alarms_of(
    file: Path, server: RunningServer | None = None, damages: tuple[Damage, ...] = DAMAGES
) -> SelftestReport:
    programs = (Path(server.bin),) if server else ()
    return selftest(SelftestRequest(file, programs=programs), Silence(), lambda: datetime.now(UTC), damages)


def everything(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below the folder, its bytes' sum and when it was changed."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_alarm_rings_and_the_original_is_as_it_was(
    family_server: RunningServer,
    new_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = new_database(family_server, "a shop")
    shop.build(family_server, database)
    taken = backed_up(instance_for(family_server), database, tmp_path / "backups", Format.ZIP)
    assert taken.path is not None
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    before = everything(tmp_path / "backups")
    report = alarms_of(taken.path, family_server)
    assert [(a.damage, a.verdict, a.rang) for a in report.alarms] == [
        ("none", Verdict.PROVEN, True),
        *((name, Verdict.FAILED, True) for name in NAMES[1:]),
    ], [a.reason for a in report.alarms]
    assert report.good
    assert all(a.table in (a.reason or "") for a in report.alarms if a.table), [
        a.reason for a in report.alarms
    ]
    assert str(place) not in str(report.alarms)
    assert everything(tmp_path / "backups") == before
    assert list(place.iterdir()) == []


def test_an_archive_of_pg_dump_is_damaged_as_sql(
    family_server: RunningServer,
    new_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if family_server.family != "postgresql":
        pytest.skip("MySQL and MariaDB have no archive of their own to be damaged")
    monkeypatch.setenv("PATH", family_server.bin, prepend=os.pathsep)  # its pg_restore
    database = new_database(family_server, "shop")
    shop.build(family_server, database)
    instance = replace(instance_for(family_server), custom_format=True)
    taken = backed_up(instance, database, tmp_path)
    assert taken.path is not None
    chosen = tuple(damage for damage in DAMAGES if damage.name in {"bit-flipped", "semantically dead"})
    report = alarms_of(taken.path, family_server, chosen)
    assert [alarm.rang for alarm in report.alarms] == [True] * 3, [a.reason for a in report.alarms]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A dump of somebody else's, of which no manifest tells what it should hold."""
    path = tmp_path / "shop [1].sql.gz"
    path.write_bytes(
        gzip.compress(
            b"CREATE TABLE orders (id int PRIMARY KEY, what text);\n"
            b"INSERT INTO orders VALUES (1, 'a');\nINSERT INTO orders VALUES (2, 'b');\n"
            b"INSERT INTO orders VALUES (3, 'c');\nCREATE TABLE lone (id int);\n"
        )
    )
    return path


def test_a_foreign_dump_without_a_manifest_is_tested_with_one_that_is_counted_from_it(foreign: Path) -> None:
    report = alarms_of(foreign)
    assert [(a.damage, a.rang) for a in report.alarms] == [(name, True) for name in NAMES], [
        a.reason for a in report.alarms
    ]
    assert {a.table for a in report.alarms[4:]} == {"public.orders"}
    assert "there is no manifest" in report.warnings[0]
    assert [path.name for path in foreign.parent.iterdir()] == [foreign.name]


def test_an_alarm_that_does_not_ring_shows(foreign: Path) -> None:
    nothing = StoredDamage("nothing", "nothing is changed", lambda blocks, _size: blocks)
    report = alarms_of(foreign, damages=(nothing,))
    assert [(a.verdict, a.rang) for a in report.alarms] == [(Verdict.PROVEN, True), (Verdict.PROVEN, False)]
    assert (report.good, report.silent) == (False, True)


def test_copies_of_a_backup_that_is_bad_itself_are_not_drilled(foreign: Path) -> None:
    foreign.write_bytes(foreign.read_bytes()[:-9])
    report = alarms_of(foreign)
    assert [(a.damage, a.verdict, a.rang) for a in report.alarms] == [("none", Verdict.FAILED, False)]


def test_what_no_table_has_rows_for_is_not_done_and_no_fault(tmp_path: Path) -> None:
    dump = tmp_path / "shop.sql"
    dump.write_text("CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\nINSERT INTO one VALUES (2);\n")
    chosen = tuple(damage for damage in DAMAGES if damage.name in {"missing rows", "semantically dead"})
    report = alarms_of(dump, damages=chosen)
    assert [(a.verdict, a.rang) for a in report.alarms[1:]] == [(Verdict.FAILED, True), (None, None)]
    assert report.good


def test_room_is_asked_for_before_anything_is_copied(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "free_in", lambda _folder: (100, 64))
    with pytest.raises(StorageFailed, match="has no room for a self-test: 100 bytes are free") as caught:
        alarms_of(foreign)
    assert "TMPDIR" in (caught.value.hint or "")


def test_a_backup_in_parts_is_damaged_in_its_folder_and_every_alarm_rings(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(family_server, "a shop")
    shop.build(family_server, database)
    folder, manifest = good(in_parts(instance_for(family_server), database, tmp_path / "backups"))
    before = everything(tmp_path / "backups")
    report = alarms_of(folder, family_server)
    assert [(alarm.damage, alarm.rang) for alarm in report.alarms] == [(name, True) for name in NAMES]
    largest = max(manifest.parts, key=lambda part: part.size)
    assert f"{folder.name}/{largest.file}" in str(report.alarms[1].reason)
    assert everything(tmp_path / "backups") == before
