"""The backup folder."""

import errno
import hashlib
import os
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactMissing, StorageFailed
from python_backup.instance import Dbms
from python_backup.model import Artifact, Facts, Format, Manifest
from python_backup.storage import folder as storage
from python_backup.storage.folder import (
    ExpectedSum,
    backups,
    expected_sum,
    make_folder,
    manifest_of,
    storing,
)
from python_backup.storage.names import ArtifactName
from python_backup.stream import publish
from support.interrupting import interrupted_at

STARTED = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
CONTENT = b"-- dump\n"
SUM = hashlib.sha256(CONTENT).hexdigest()


def manifest(database: str = "shop", started: datetime = STARTED) -> Manifest:
    return Manifest(
        program="vya-backupdb 1",
        instance="1",
        dbms=Dbms.MYSQL,
        database=database,
        started=started,
        finished=started,
        server_version="9.7",
        client="mysqldump",
        client_version="9.7",
        command=(),
        artifact=Artifact("", Format.NONE, len(CONTENT), SUM, len(CONTENT), SUM),
        facts=Facts((), {}, {}),
    )


def store(folder: Path, database: str = "shop", started: datetime = STARTED) -> Path:
    with storing(folder, ArtifactName(started, Dbms.MYSQL, database, Format.NONE)) as new:
        new.write(CONTENT)
        return new.commit(manifest(database, started)).path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_artifact_checksum_and_manifest(tmp_path):
    folder = tmp_path / "deep" / "backups"
    path = store(folder)
    stem = "20260113_155440_mysql_shop.sql"
    assert names(folder) == [stem, f"{stem}.manifest.json", f"{stem}.sha256"]
    assert path.read_bytes() == CONTENT
    assert (folder / f"{stem}.sha256").read_bytes() == f"{SUM}  {stem}\n".encode()
    assert manifest_of(path) == replace(manifest(), artifact=replace(manifest().artifact, file=stem))
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_bytes_of_each_file_are_durable_before_its_name_and_all_names_before_the_backup_is_told(
    tmp_path, monkeypatch
):
    done = []
    link, sync = Path.hardlink_to, os.fsync

    def linked(self: Path, target: Path) -> None:
        done.append(f"link {self.suffix}")
        link(self, target)

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append("sync names" if path == tmp_path else "sync bytes")
        sync(descriptor)

    monkeypatch.setattr(Path, "hardlink_to", linked)
    monkeypatch.setattr(os, "fsync", synced)
    store(tmp_path)
    assert done == [
        *("sync bytes", "link .sql", "sync bytes", "link .sha256", "sync bytes", "link .json"),
        "sync names",
    ]


def test_the_manifest_is_published_last(tmp_path, monkeypatch):
    published = []
    link = Path.hardlink_to
    monkeypatch.setattr(
        Path, "hardlink_to", lambda self, target: (published.append(self.suffix), link(self, target))
    )
    store(tmp_path)
    assert published == [".sql", ".sha256", ".json"]


def test_what_is_not_committed_leaves_nothing(tmp_path):
    with storing(tmp_path, ArtifactName(STARTED, Dbms.MYSQL, "shop", Format.NONE)) as new:
        new.write(CONTENT)
        assert new.size == len(CONTENT)
    assert names(tmp_path) == []


def test_backups_of_one_second_are_given_the_next_free_ones(tmp_path):
    paths = [store(tmp_path) for _ in range(3)]
    assert [path.name[:15] for path in paths] == ["20260113_155440", "20260113_155441", "20260113_155442"]
    assert [manifest_of(path).started for path in paths] == [STARTED] * 3
    assert [manifest_of(path).artifact.file for path in paths] == [path.name for path in paths]


@pytest.mark.parametrize("suffix", [".sha256", ".manifest.json"])
def test_a_backup_whose_checksum_or_manifest_cannot_be_written_is_taken_back(tmp_path, monkeypatch, suffix):
    link = Path.hardlink_to

    def full(self, target):
        if self.name.endswith(suffix):
            raise OSError(errno.ENOSPC, "No space left on device")
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", full)
    with pytest.raises(StorageFailed, match="No space left on device"):
        store(tmp_path)
    assert names(tmp_path) == []


def test_a_signal_at_any_line_leaves_a_whole_backup_or_nothing_under_a_final_name(tmp_path):
    line = 1
    while interrupted_at(line, (publish, storage), partial(store, folder := tmp_path / str(line))):
        left = [name for name in names(folder) if not publish.is_temporary(name)] if folder.exists() else []
        assert len(left) in {0, 3}, (line, left)
        line += 1
    assert line > 50


@pytest.mark.parametrize("failing", ["sync_folder", "the checksum", "the manifest"])
def test_a_disk_that_fails_and_lets_nothing_be_removed_is_told_as_that(tmp_path, monkeypatch, failing):
    """ext4 turns read-only at an error of its disk: what was published just before cannot be taken back."""

    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    suffix = {"the checksum": ".sha256", "the manifest": ".manifest.json"}.get(failing, "")
    link = Path.hardlink_to

    def linked(self, target):
        if suffix and self.name.endswith(suffix):
            broken()
        link(self, target)
        monkeypatch.setattr(Path, "unlink", broken)

    monkeypatch.setattr(Path, "hardlink_to", linked)
    if failing == "sync_folder":
        monkeypatch.setattr(publish, "sync_folder", broken)
    with pytest.raises(StorageFailed, match="Input/output error"):
        store(tmp_path)


def test_sha256sum_accepts_a_stored_backup(tmp_path):
    path = store(tmp_path, 'it\'s a\n\\ "name"')
    done = subprocess.run(
        ["sha256sum", "-c", path.name + ".sha256"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.decode()) == (0, f"{path.name}: OK\n")


def test_backups_are_listed_newest_first_among_foreign_files(tmp_path):
    store(tmp_path, "b", STARTED)
    store(tmp_path, "a", STARTED + timedelta(days=2))
    (tmp_path / "old_20240101_000000.sql.gz").write_bytes(b"1234")
    (tmp_path / "readme.txt").write_bytes(b"x")
    (tmp_path / ".20260113_155440_mysql_x.sql.partial-01010101").write_bytes(b"x")
    (tmp_path / "20260113_155440_mysql_folder.sql").mkdir()
    (tmp_path / "20260113_155440_mysql_nowhere.sql").symlink_to("nowhere")
    os.mkfifo(tmp_path / "20260113_155440_mysql_pipe.sql")
    (tmp_path / os.fsdecode(b"\xff\xfe.sql")).write_bytes(b"x")
    assert [(b.database, b.dbms, b.size, b.manifest is None, b.problem) for b in backups(tmp_path)] == [
        ("a", Dbms.MYSQL, 8, False, None),
        ("b", Dbms.MYSQL, 8, False, None),
        ("old", None, 4, True, None),
    ]


def test_a_corrupt_manifest_is_told_and_does_not_hide_its_backup(tmp_path):
    path = store(tmp_path)
    path.with_name(path.name + ".manifest.json").write_bytes(b"{")
    (backup,) = backups(tmp_path)
    assert (backup.database, backup.manifest) == ("shop", None)
    assert "mysql_shop.sql.manifest.json: the manifest is no JSON" in backup.problem


def test_a_name_too_long_for_a_file_is_known_by_its_manifest(tmp_path):
    store(tmp_path, "日" * 64)
    assert [backup.database for backup in backups(tmp_path)] == ["日" * 64]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ArtifactMissing, match=r"there is no folder .*gone"):
        backups(tmp_path / "gone")


def test_an_existing_folder_keeps_its_mode(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed, match=r"file cannot be written: Not a directory"):
        make_folder(tmp_path / "file")
    with pytest.raises(StorageFailed, match=r"Not a directory"):
        make_folder(tmp_path / "file" / "below")


def test_the_expected_sum_is_the_manifests_then_sha256_then_md5(tmp_path):
    path = store(tmp_path)
    beside = {suffix: path.with_name(path.name + suffix) for suffix in (".manifest.json", ".sha256", ".md5")}
    beside[".sha256"].write_text("a" * 64)
    beside[".md5"].write_text("b" * 32)
    assert expected_sum(path) == ExpectedSum("sha256", SUM, beside[".manifest.json"])
    beside[".manifest.json"].unlink()
    assert expected_sum(path) == ExpectedSum("sha256", "a" * 64, beside[".sha256"])
    beside[".sha256"].unlink()
    assert expected_sum(path) == ExpectedSum("md5", "b" * 32, beside[".md5"])
    beside[".md5"].unlink()
    assert expected_sum(path) is None


def test_a_checksum_file_that_is_none_is_corrupt(tmp_path):
    path = tmp_path / "a.sql"
    path.with_name("a.sql.sha256").write_bytes(b"")
    with pytest.raises(ArtifactCorrupt, match=r"a\.sql\.sha256 has no one sum"):
        expected_sum(path)


def test_leftovers_of_dead_runs_are_recognisable(tmp_path):
    with storing(tmp_path, ArtifactName(STARTED, Dbms.MYSQL, "x" * 500, Format.NONE)):
        assert [publish.is_temporary(name) for name in names(tmp_path)] == [True]
