"""A backup in parts as it may lie in its folder: copied, cut, and by strangers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactMissing
from python_backup.stream.artifact import read_artifact, stored_digest, stored_size
from python_backup.stream.members import AFTER, BEFORE, is_parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backup in parts, not compressed."""
    (tmp_path / "one/data").mkdir(parents=True)
    for name in (BEFORE, "data/00010_b.sql", "data/00002_a.sql", AFTER):
        (tmp_path / "one" / name).write_text(f"-- {name}\n")
    return tmp_path / "one"


def test_the_parts_are_one_dump_in_the_order_of_their_numbers(folder: Path) -> None:
    whole = b"".join(read_artifact(folder)).decode().splitlines()
    assert whole == [f"-- {name}" for name in (BEFORE, "data/00002_a.sql", "data/00010_b.sql", AFTER)]


@pytest.mark.parametrize("name", [BEFORE, AFTER])
def test_a_part_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / "SHA256SUMS").touch()
    for read in (stored_size, lambda path: list(read_artifact(path))):
        with pytest.raises(ArtifactMissing, match=f"there is no file .*one/{name}$"):
            read(folder)


STRANGE: dict[str, Callable[[Path], None]] = {
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("name", ["data/00003_c.sql", BEFORE, "data"])
@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_file_of_the_backup_is_never_read(folder: Path, kind: str, name: str) -> None:
    if name == "data":
        (folder / name).rename(folder.with_name("elsewhere"))
    else:
        (folder / name).unlink(missing_ok=True)
    STRANGE[kind](folder / name)
    (folder / "SHA256SUMS").touch()
    if (name, kind) == ("data", "a folder"):
        return
    assert is_parts(folder)
    for read in (stored_size, lambda path: list(read_artifact(path)), lambda p: stored_digest(p, "sha256")):
        with pytest.raises(ArtifactCorrupt, match=f"no file of a backup: {name}$"):
            read(folder)


def test_a_link_to_the_whole_folder_is_the_backup(folder: Path) -> None:
    link = folder.with_name("latest")
    link.symlink_to(folder)
    assert list(read_artifact(link)) == list(read_artifact(folder))
