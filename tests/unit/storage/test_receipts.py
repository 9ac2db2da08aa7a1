"""Receipts in a real folder."""

import hashlib
import os
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing, Locked, StorageFailed
from python_backup.receipt.statement import Chained
from python_backup.storage import receipts as module
from python_backup.storage.receipts import (
    all_receipts,
    append,
    backup_folder,
    chain_folder,
    named_number,
    read_receipt,
    receipt_name,
    receipts_in,
)

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)


def made(place: Chained) -> bytes:
    return f"{place.number} {place.previous}".encode()


def test_receipts_follow_each_other_by_number_and_sum(tmp_path: Path) -> None:
    first = append(tmp_path / "a/b", AT, made)
    second = append(tmp_path / "a/b", AT, made)
    assert first.read_bytes() == b"1 None"
    assert second.read_bytes() == f"2 {hashlib.sha256(b'1 None').hexdigest()}".encode()
    assert receipts_in(tmp_path / "a/b") == (first, second)
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert stat.S_IMODE(second.parent.stat().st_mode) == 0o700


def test_names_sort_by_time_whatever_the_zone(tmp_path: Path) -> None:
    east = AT.astimezone(timezone(timedelta(hours=9)))
    names = [append(tmp_path, east + timedelta(hours=n), made).name for n in range(12)]
    assert names[0] == "20260113T155440Z_000001.receipt.json"
    assert names == sorted(names)


def test_the_number_counts_on_where_the_clock_went_back(tmp_path: Path) -> None:
    append(tmp_path, AT, made)
    second = append(tmp_path, AT - timedelta(days=1), made)
    assert (
        append(tmp_path, AT, made)
        .read_bytes()
        .endswith(hashlib.sha256(second.read_bytes()).hexdigest().encode())
    )


def test_a_receipt_that_was_removed_leaves_a_gap_and_its_number_is_not_given_again(tmp_path: Path) -> None:
    paths = [append(tmp_path, AT + timedelta(hours=n), made) for n in range(3)]
    paths[1].unlink()
    assert named_number(append(tmp_path, AT, made).name) == 4


def test_each_database_of_each_instance_has_its_own_chain(tmp_path: Path) -> None:
    folders = {
        chain_folder(tmp_path, instance, database)
        for instance in ("1", "..", "_", None)
        for database in ("shop", "../shop", ".", "..", "a/b", "x" * 1000, "é")
    }
    assert len(folders) == 4 * 7 - 7  # an id cannot be "_", so it may be nobody's
    assert {len(folder.relative_to(tmp_path).parts) for folder in folders} == {3}
    assert not any(part in {".", ".."} for folder in folders for part in folder.parts)


def test_the_backup_folder_is_found_from_a_receipt_in_it(tmp_path: Path) -> None:
    path = append(chain_folder(tmp_path, "1", "shop"), AT, made)
    assert backup_folder(path) == tmp_path
    assert backup_folder(Path("x.receipt.json")) is None
    assert all_receipts(tmp_path) == (path,)
    assert all_receipts(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    "name",
    [
        "20260113T155440Z_000001.json",
        "20260113T155440Z_1.receipt.json",
        ".20260113T155440Z_000001.receipt.json",
    ],
)
def test_other_files_are_no_receipts(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert receipts_in(tmp_path) == ()


def test_numbers_beyond_a_million_are_read_too() -> None:
    assert named_number(receipt_name(AT, 1_234_567)) == 1_234_567


def test_two_drills_at_once_follow_each_other(tmp_path: Path) -> None:
    threads = [threading.Thread(target=append, args=(tmp_path, AT, made)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [named_number(path.name) for path in receipts_in(tmp_path)] == list(range(1, 9))
    contents = {path.read_bytes() for path in receipts_in(tmp_path)}
    assert len(contents) == 8


def test_a_folder_that_another_holds_is_not_waited_for_forever(tmp_path: Path) -> None:
    with module._locked(tmp_path, 0), pytest.raises(Locked):
        append(tmp_path, AT, made, wait=0)


def test_what_a_killed_drill_left_is_cleared_and_does_not_count(tmp_path: Path) -> None:
    left = tmp_path / f".{receipt_name(AT, 1)}.partial-01020304"
    left.write_bytes(b"half")
    assert named_number(append(tmp_path, AT, made).name) == 1
    assert not left.exists()


def test_a_receipt_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def fails(_: Chained) -> bytes:
        raise ValueError

    with pytest.raises(ValueError):
        append(tmp_path, AT, fails)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageFailed):
        append(tmp_path / "file/chain", AT, made)
    with pytest.raises(ArtifactError):
        receipts_in(tmp_path / "file")


def test_a_receipt_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArtifactMissing):
        read_receipt(tmp_path / "none")
    with pytest.raises(ArtifactError):
        read_receipt(tmp_path)
    monkeypatch.setattr(module, "LARGEST", 3)
    (tmp_path / "large").write_bytes(os.urandom(4))
    with pytest.raises(ArtifactCorrupt):
        read_receipt(tmp_path / "large")
