"""Which backups are the latest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from python_backup.instance import Dbms
from python_backup.jobs.backups import latest_of_each
from python_backup.model import Artifact, Backup, Facts, Format, Manifest

NOON = datetime(2026, 1, 13, 12, tzinfo=UTC)
MANIFEST = Manifest(
    program="vya-backupdb 1", instance="1", dbms=Dbms.MYSQL, database="shop", started=NOON, finished=NOON,
    server_version="9.7.4", client="mysqldump", client_version="9.7.4", command=(),
    artifact=Artifact("x", Format.ZSTD, 1, "", 1, ""), facts=Facts((), {}, {}),
)  # fmt: skip


def backup(hours: int, database: str = "shop", instance: str = "1") -> Backup:
    manifest = replace(MANIFEST, database=database, instance=instance)
    taken = NOON + timedelta(hours=hours)
    return Backup(Path(f"{hours}"), Dbms.MYSQL, database, taken, 1, manifest)


def test_the_latest_of_each_database_of_each_instance_is_taken() -> None:
    found = latest_of_each([backup(1), backup(3), backup(2), backup(1, "blog"), backup(0, "shop", "2")])
    assert [path.name for path in (b.path for b in found)] == ["1", "3", "0"]


def test_what_was_taken_later_than_asked_for_is_passed_over() -> None:
    (found,) = latest_of_each([backup(1), backup(3), backup(2)], NOON + timedelta(hours=2))
    assert found.path.name == "2"


def test_a_suspect_backup_is_passed_over_unless_it_is_asked_for() -> None:
    late = backup(3)
    assert late.manifest is not None
    suspect = replace(late, manifest=replace(late.manifest, suspect={"t": "gone"}))
    found = [latest_of_each([backup(1), suspect], suspect=asked)[0] for asked in (False, True)]
    assert [one.path.name for one in found] == ["1", "3"]


def test_what_has_no_manifest_is_nobodys() -> None:
    assert latest_of_each([replace(backup(1), manifest=None)]) == ()
