"""What 64 MB take of memory in each command, in one value or in many rows: it is flat."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import databases
from support.cli import Program
from support.jobs import backed_up
from support.programs import Program as ServerProgram
from support.servers import RunningServer, instance_for
from support.stoppable import lone_server

MEGABYTES = 64
MOST = 130
"""Megabytes; a process that held the value once would have more."""

MEASURED = """
import atexit, re, sys
from pathlib import Path
from python_backup.cli.app import main
peak = lambda: re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
atexit.register(lambda: print("peak", peak(), file=sys.stderr))
main(sys.argv[1:])
"""


@pytest.fixture
def server(lone_program: ServerProgram) -> Iterator[RunningServer]:
    """One that takes large values: others, who read how large a value may be, do not share it."""
    options = () if lone_program.family == "postgresql" else ("--max-allowed-packet=1G",)
    with lone_server(lone_program, options) as lone:
        yield lone.server


@pytest.fixture
def wide(server: RunningServer) -> str:
    """A database with one value of 64 MB, of bytes that a dump writes as they are or as two digits each."""
    databases.create(server, "wide")
    if server.family == "postgresql":
        value = f"decode(repeat(md5('a') || md5('b'), {MEGABYTES * 1_000_000 // 32}), 'hex')"
        databases.execute(server, "wide", "CREATE TABLE t (id int PRIMARY KEY, v bytea)")
        databases.execute(server, "wide", "ALTER TABLE t ALTER v SET STORAGE EXTERNAL")
    else:
        value = f"repeat(md5('a'), {MEGABYTES * 1_000_000 // 32})"
        databases.execute(server, "wide", "CREATE TABLE t (id int PRIMARY KEY, v longblob)")
    databases.execute(server, "wide", f"INSERT INTO t SELECT 1, {value}")
    return "wide"


def test_no_command_holds_a_large_value_whole(wide: str, server: RunningServer, tmp_path: Path) -> None:
    path = Program(server, tmp_path).config()
    path.write_text(json.dumps({**json.loads(path.read_text()), "drill": {"programs": [server.bin]}}))
    config = ("--config", str(path))
    backup = peak("backup", "-i", "1", "-d", wide, "--format", "zstd", *config)
    (artifact,) = (tmp_path / "backups").glob("*.sql.zst")
    peaks = {
        "backup": backup,
        "backup --jobs": peak("backup", "-i", "1", "-d", wide, "--jobs", "2", *config),
        "verify": peak("verify", str(artifact)),
        "verify --deep": peak("verify", "--deep", str(artifact)),
        "restore": peak("restore", "-i", "1", "-f", str(artifact), "-t", "again", "--jobs", "1", *config),
        "drill": peak("drill", "-f", str(artifact), *config),
    }
    assert {what: megabytes for what, megabytes in peaks.items() if megabytes > MOST} == {}
    size = "octet_length(v)" if server.family == "postgresql" else "length(v)"
    assert databases.rows(server, "again", f"SELECT {size} FROM t") == [(MEGABYTES * 1_000_000,)]


def test_neither_way_takes_more_for_many_rows(server: RunningServer, tmp_path: Path) -> None:
    databases.create(server, "many")
    text = "repeat(md5(i::text), 10)" if server.family == "postgresql" else "repeat(md5(i), 10)"
    databases.execute(
        server, "many", "CREATE TABLE t (id int PRIMARY KEY, v text)",
        f"INSERT INTO t SELECT i, {text} FROM {databases.numbers(server, MEGABYTES * 3000)}",
    )  # fmt: skip
    config = ("--config", str(Program(server, tmp_path).config()))
    backup = peak("backup", "-i", "1", "-d", "many", "--format", "zstd", *config)
    (artifact,) = (tmp_path / "backups").glob("*.sql.zst")
    restore = peak("restore", "-i", "1", "-f", str(artifact), "-t", "again", *config)
    assert (backup < MOST, restore < MOST) == (True, True), (backup, restore)


def test_a_value_that_the_server_cannot_write_as_text_is_explained(
    lone_postgresql: ServerProgram, tmp_path: Path
) -> None:
    with lone_server(lone_postgresql) as lone:
        databases.create(lone.server, "big")
        databases.execute(
            lone.server, "big",
            "CREATE UNLOGGED TABLE t (v bytea)",
            "ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
            "INSERT INTO t SELECT v || v FROM (SELECT decode(repeat('00', 300000000), 'hex') AS v OFFSET 0) AS half",
            # 600 MB are 1.2 GB of digits
        )  # fmt: skip
        error = backed_up(instance_for(lone.server), "big", tmp_path).error
    assert error is not None
    assert "invalid memory alloc request size" in error.message
    assert "bytea takes two digits for each byte" in str(error.hint)


def peak(*words: str) -> float:
    """The megabytes that a command took at most; it must go well."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)
    assert found, done.stderr
    return int(found[1]) * 1024 / 1e6
