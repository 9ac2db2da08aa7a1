"""Room on small file systems, before a backup and while it is written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.errors import StorageFailed
from python_backup.instance import Dbms
from python_backup.model import Artifact, Facts, Format, Manifest
from python_backup.storage.earlier import Wanted
from python_backup.storage.folder import storing
from python_backup.storage.names import ArtifactName
from python_backup.storage.room import Room, free_in, last_size
from support.disks import disk

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
SHOP = Wanted("1", Dbms.MYSQL, "shop", Format.NONE)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    with disk(tmp_path / "disk", 1024) as folder:
        yield folder


def store(folder: Path, size: int, *, minute: int = 0, instance: str = "1", database: str = "shop") -> None:
    """A backup of so many bytes."""
    at = AT + timedelta(minutes=minute)
    with storing(folder, ArtifactName(at, Dbms.MYSQL, database, Format.NONE)) as new:
        new.write(bytes(size))
        artifact = Artifact("", Format.NONE, size, "0" * 64, size, "0" * 64)
        facts = Facts((), {}, {})
        new.commit(
            Manifest("v", instance, Dbms.MYSQL, database, at, at, "9.7", "c", "9", (), artifact, facts)
        )


def test_the_latest_backup_of_the_same_database_instance_and_format_counts(tmp_path) -> None:
    long = "ünï/" * 80
    for minute, (size, instance, database) in enumerate(
        [(10, "1", "shop"), (20, "1", "shop"), (30, "2", "shop"), (40, "1", "shop2"), (50, "1", long)]
    ):
        store(tmp_path, size, minute=minute, instance=instance, database=database)
    assert last_size(tmp_path, SHOP) == 20
    assert last_size(tmp_path, Wanted("1", Dbms.MYSQL, long, Format.NONE)) == 50
    assert last_size(tmp_path, Wanted("1", Dbms.MYSQL, "shop", Format.ZSTD)) is None
    assert last_size(tmp_path, Wanted("3", Dbms.MYSQL, "shop", Format.NONE)) is None
    assert last_size(tmp_path / "none", SHOP) is None


def test_writing_stops_before_the_disk_is_full_and_says_how_much_is_short(small) -> None:
    free, reserve = free_in(small)
    assert (free, reserve) == (1 << 20, 10485)
    taken = []
    with (small / "file").open("wb", buffering=0) as file, pytest.raises(StorageFailed) as caught:
        for block in Room(small, expected=2 << 20).watched(iter([bytes(100_000)] * 30)):
            file.write(block)
            taken.append(len(block))
    left, more = free_in(small)[0], (2 << 20) - sum(taken)
    assert reserve <= left < 100_000 + reserve
    assert caught.value.message == (
        f"{small} cannot be written: No space left on device: {left:,} bytes are free, 10,485 are for others,"
        f" about {more:,} more to write: {more + 10485 - left:,} short"
    )


def test_without_an_expectation_what_is_short_is_a_least(small: Path) -> None:
    filler = free_in(small)[0] - 10485 - 5000
    (small / "filler").write_bytes(bytes(filler))
    left = free_in(small)[0]
    with pytest.raises(StorageFailed) as caught:
        next(Room(small).watched(iter([bytes(100_000)])))
    assert caught.value.message.endswith(
        f" at least 100,000 more to write: at least {100_000 + 10485 - left:,} short"
    )


def test_more_than_was_expected_may_be_written_where_there_is_room(tmp_path) -> None:
    blocks = [b"12345"] * 9
    assert list(Room(tmp_path, expected=1).watched(iter(blocks))) == blocks


def test_a_folder_that_is_gone_is_left_to_the_writing(tmp_path) -> None:
    assert list(Room(tmp_path / "none").watched(iter([b"1"]))) == [b"1"]
