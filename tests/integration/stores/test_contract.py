"""What each store must do: the same bytes as the file has, wherever it is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from python_backup.errors import ArtifactError, ArtifactMissing
from python_backup.storage.stores.ahead import RANGE
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.store import Store
from support.stores import NAME

HUNDRED = bytes(range(100))


def test_a_file_has_its_size_and_what_is_not_there_has_none(store: Store, folder: Path) -> None:
    (folder / "empty").touch()

    assert store.size(NAME) == 100
    assert store.size("empty") == 0
    assert store.size("missing") is None
    assert store.size("no/such/folder/file") is None


@pytest.mark.parametrize(
    ("begin", "size"), [(0, 1), (0, 100), (99, 1), (10, 7), (98, 50), (0, 0), (100, 5), (7000, 1)]
)
def test_a_range_has_just_its_bytes_and_fewer_past_the_end(store: Store, begin: int, size: int) -> None:
    assert store.read(NAME, begin, size) == HUNDRED[begin : begin + size]


@pytest.mark.parametrize("size", [0, 1, RANGE, 5 * RANGE + 3])
def test_all_blocks_are_the_file(store: Store, folder: Path, size: int) -> None:
    whole = os.urandom(size)
    (folder / "large").write_bytes(whole)

    assert b"".join(store.blocks("large")) == whole
    assert store.read("large", 0, size) == whole


def test_ranges_are_read_while_a_whole_file_is(store: Store, folder: Path) -> None:
    whole = os.urandom(6 * RANGE)
    (folder / "large").write_bytes(whole)
    got = b""

    for block in store.blocks("large"):
        got += block
        assert store.read(NAME, 10, 20) == HUNDRED[10:30]

    assert got == whole


def test_a_whole_file_may_be_left_before_its_end(store: Store, folder: Path) -> None:
    (folder / "large").write_bytes(bytes(8 * RANGE))

    blocks = store.blocks("large")
    next(blocks)
    del blocks

    assert store.read(NAME, 0, 100) == HUNDRED


def test_files_in_folders_below_are_read(store: Store, folder: Path) -> None:
    (folder / "parts" / NAME).parent.mkdir()
    (folder / "parts" / NAME).write_bytes(b"below")

    assert store.read(f"parts/{NAME}", 1, 3) == b"elo"


def test_a_file_that_is_not_there_is_missing_and_named(store: Store, place: Place) -> None:
    missing = Place(place.scheme, place.folder, "missing%20one")

    with pytest.raises(ArtifactMissing) as caught:
        store.read("missing%20one", 0, 5)
    with pytest.raises(ArtifactMissing):
        list(store.blocks("missing%20one"))

    assert str(missing) in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("size", [99, 100, 101])
def test_a_file_that_is_replaced_between_reads_is_an_error(store: Store, folder: Path, size: int) -> None:
    assert store.read(NAME, 0, 10) == HUNDRED[:10]

    (folder / "new").write_bytes(bytes(size))
    os.utime(folder / "new", (1_000_000_000, 1_000_000_000))
    (folder / "new").replace(folder / NAME)

    with pytest.raises(ArtifactError, match="was replaced"):
        store.read(NAME, 10, 10)


def test_a_file_that_is_rewritten_while_it_is_read_is_an_error(store: Store, folder: Path) -> None:
    (folder / "large").write_bytes(b"a" * (9 * RANGE))
    blocks = store.blocks("large")
    next(blocks)

    (folder / "large").write_bytes(b"b" * (9 * RANGE))
    os.utime(folder / "large", (1_000_000_000, 1_000_000_000))

    with pytest.raises(ArtifactError, match="was replaced"):
        list(blocks)


_READS_ALL = """
import resource, sys
from python_backup.storage.stores.place import parse_place
from python_backup.storage.stores.table import opened_store

place = parse_place(sys.argv[1])
with opened_store(place) as store:
    store.read(place.name, 0, 1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = sum(map(len, store.blocks(place.name)))
    print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    "place", ["web", "sftp"], indirect=True
)  # rclone's S3 sums the whole file for each range
def test_memory_is_flat_however_large_a_file_is(place: Place, folder: Path) -> None:
    with (folder / NAME).open("wb") as sparse:
        sparse.truncate(300 << 20)

    said = subprocess.run(
        [sys.executable, "-c", _READS_ALL, str(place)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    size, grown = map(int, said.split())

    assert size == 300 << 20
    assert grown < 60 << 10, "KiB"
