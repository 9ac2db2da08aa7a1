"""Backups to file systems that get full, on real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support import databases
from support.cli import Program
from support.disks import disk
from support.servers import RunningServer


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "disk", 2048) as folder:
        yield folder


@pytest.fixture
def program(family_server: RunningServer, small: Path, tmp_path: Path) -> Program:
    return Program(family_server, tmp_path, backup={"directory": str(small)})


@pytest.fixture
def shop(family_server: RunningServer, new_database: Callable[..., str]) -> str:
    name = new_database(family_server, "shop")
    databases.execute(family_server, name, "CREATE TABLE t (a varchar(40))", filled(family_server, 1000))
    return name


def filled(server: RunningServer, rows: int) -> str:
    text = "i::text" if server.family == "postgresql" else "i"
    return f"INSERT INTO t SELECT md5({text}) FROM {databases.numbers(server, rows)}"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_disk_that_gets_full_keeps_the_older_backup_and_is_named_with_the_bytes_short(
    program: Program, shop: str
) -> None:
    assert program.run("backup", "-i", "1", "-d", shop).returncode == 0
    before = contents(program.backups)
    databases.execute(program.server, shop, filled(program.server, 80_000))
    done = program.run("backup", "-i", "1", "-d", shop)
    assert (done.returncode, contents(program.backups)) == (1, before), done.stderr
    assert f"{program.backups} cannot be written: No space left on device" in done.stderr
    assert " short\n" in done.stderr
    assert "Free space there" in done.stderr


def test_too_little_room_for_another_is_refused_before_anything_is_written(
    program: Program, shop: str
) -> None:
    databases.execute(program.server, shop, filled(program.server, 35_000))
    if program.server.family == "mysql":
        databases.rows(program.server, shop, "ANALYZE TABLE t")  # its size is an estimate, made now and then
    assert program.run("backup", "-i", "1", "-d", shop).returncode == 0
    before = contents(program.backups)
    done = program.run("backup", "-i", "1", "-d", shop)
    assert (done.returncode, contents(program.backups)) == (1, before), done.stderr
    assert f"{program.backups} has no room for {shop!r}" in done.stderr
    assert "dump" not in [line.split()[4] for line in done.stderr.splitlines() if line[:2] == "20"]
    # compressed it fits, and is told to be tight only where the server says that it is
    assert program.run("backup", "-i", "1", "-d", shop, "--format", "zstd").returncode == 0


def test_a_read_only_or_missing_place_is_named(program: Program, shop: str, tmp_path: Path) -> None:
    import subprocess

    assert program.run("backup", "-i", "1", "-d", shop).returncode == 0
    before = contents(program.backups)
    subprocess.run(["mount", "-o", "remount,ro", str(program.backups)], check=True)
    done = program.run("backup", "-i", "1", "-d", shop)
    assert (done.returncode, contents(program.backups)) == (1, before)
    assert f"{program.backups} cannot be written: Read-only file system" in done.stderr
    (tmp_path / "file").touch()
    nowhere = replace(program, backup={"directory": str(tmp_path / "file" / "b")})
    done = nowhere.run("backup", "-i", "1", "-d", shop)
    assert (done.returncode, f"{tmp_path}/file/b cannot be written: Not a directory" in done.stderr) == (
        1,
        True,
    )
