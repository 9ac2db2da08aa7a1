"""Every command takes a folder of parts for what it is: the same backup that a single file holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.jobs.test_parts import good, in_parts
from python_backup.engines.mysql import shares
from python_backup.engines.postgresql import parts
from support import databases, shop
from support.cli import Program
from support.jobs import backed_up
from support.servers import RunningServer, instance_for

ROWS = 8192
LARGE = {
    "postgresql": (
        "CREATE TABLE large (id int PRIMARY KEY, note text)",
        f"INSERT INTO large SELECT i, repeat(md5(i::text), 3) || E'\\t''' FROM generate_series(1, {ROWS}) i",
        "CREATE INDEX large_note ON large (id, note)",
    ),
    "mysql": (
        "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT, KEY large_note (id))",
        "INSERT INTO large (note) VALUES (REPEAT('a\\t''', 40))",
        *["INSERT INTO large (note) SELECT CONCAT(id, note) FROM large"] * 13,
        "ANALYZE TABLE large",
    ),
}
CHANGES = ("UPDATE large SET note = 'x' WHERE id = 77", "DELETE FROM large WHERE id = 7")


@dataclass(frozen=True)
class Two:
    """One database of a server, as a folder of parts and as a single file in the same backup folder."""

    server: RunningServer
    database: str
    config: Path
    backups: Path
    folder: Path
    file: Path
    ranged: frozenset[str]
    """The tables in several parts: these are loaded side by side, so that the order of rows is free."""

    def said(self, *words: str) -> Any:
        """What a command that goes well prints with ``--json``."""
        environment = {**os.environ, "VYA_BACKUPDB_LOCKS": str(self.config.parent / "locks")}
        done = subprocess.run(
            [sys.executable, "-m", "python_backup", *words, "--json", *(("-",) if words[0] == "drill" else ())],
            capture_output=True, text=True, timeout=300, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def of_both(self, *words: str) -> tuple[Any, Any]:
        """What the command says of the folder, and of the file; ``FILE`` stands for either."""
        first, second = (
            self.said(*[str(path) if word == "FILE" else word for word in words])
            for path in (self.folder, self.file)
        )
        return first, second


@pytest.fixture
def two(
    family_server: RunningServer,
    new_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Two:
    monkeypatch.setattr(parts, "RANGE", 64 << 10)
    monkeypatch.setattr(shares, "_SHARE", 64 << 10)
    database = new_database(family_server, "two")
    shop.build(family_server, database)
    databases.execute(family_server, database, *LARGE[family_server.family])
    program = Program(family_server, tmp_path)
    config = program.config()
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "drill": {"programs": [family_server.bin]}})
    )
    program.backups.mkdir()
    instance = instance_for(family_server)
    folder, manifest = good(in_parts(instance, database, program.backups))
    found = Counter(part.table for part in manifest.parts if part.table)
    assert found.most_common(1)[0][1] > 4
    file = backed_up(instance, database, program.backups).path
    assert file is not None
    ranged = frozenset(table for table, pieces in found.items() if pieces > 1)
    return Two(family_server, database, config, program.backups, folder, file, ranged)


def test_list_has_both_alike(two: Two) -> None:
    listed = {Path(one["path"]): one for one in two.said("list", "--config", str(two.config))["backups"]}
    assert set(listed) == {two.folder, two.file}
    alike = ("database", "dbms", "instance", "rows", "state", "suspect", "problem", "proof")
    folder, file = listed[two.folder], listed[two.file]
    assert {name: folder[name] for name in alike} == {name: file[name] for name in alike}
    assert (folder["state"], folder["format"], file["format"]) == ("complete", "parts", "zstd")
    assert folder["size"] == sum(part.stat().st_size for part in two.folder.rglob("*.zst"))


@pytest.mark.parametrize("table", ["*large", "*purchase*"])
def test_show_reads_a_table_out_of_its_parts(two: Two, table: str) -> None:
    folder, file = two.of_both("show", "FILE", "--table", table, "--limit", "7")
    assert folder.pop("path") == str(two.folder)
    assert file.pop("path") == str(two.file)
    assert folder == file
    assert {len(one["first"]) for one in folder["tables"]} == {7}
    assert any("large_note" in one for one in folder["definition"]) is (table == "*large")


def test_diff_finds_nothing_between_them_and_the_same_changes_since(two: Two) -> None:
    said = two.said("diff", str(two.folder), str(two.file), "--exit-code")
    assert (said["same"], said["comparable"]) == (True, True)
    databases.execute(two.server, two.database, *CHANGES)
    (later := two.config.parent / "later").mkdir()
    after = str(good(in_parts(instance_for(two.server), two.database, later))[0])
    folder, file = two.of_both("diff", "FILE", after)
    assert folder["tables"] == file["tables"]
    changed = [one["table"] for one in folder["tables"] if one["content"] != "same"]
    assert [name.removeprefix("public.") for name in changed] == ["large"]
    folder, file = two.of_both("diff", "FILE", after, "--rows", changed[0])
    assert folder == file
    assert (folder["added"], folder["removed"], folder["changed"]) == (0, 1, 1)
    assert {row["key"]["id"] for row in folder["rows"]} == {"7", "77"}


def test_plan_foresees_the_same_restore(two: Two) -> None:
    words = ("plan", "--config", str(two.config), "-i", "1", "-f", "FILE", "-t", f"{two.database}_new")
    folder, file = two.of_both(*words)
    assert folder["verdict"] == "ready"
    for said in (folder, file):
        for table in said["facts"]["tables"]:
            del table["size"]  # what stands between rows is the dump tool's choice
        said["changes"] = [
            change["kind"] for change in said["changes"]
        ]  # each run of pg_dump has its \restrict
    for name in ("verdict", "source", "target", "facts", "replaced", "changes", "findings"):
        assert folder[name] == file[name], name


def test_a_drill_proves_both_alike_and_list_tells_it(two: Two) -> None:
    folder, file = two.of_both("drill", "--config", str(two.config), "-f", "FILE")
    for said in (folder, file):
        (one,) = said["drills"]
        assert (one["verdict"], one["differences"]) == ("proven", [])
        reordered = {table["table"] for table in one["tables"] if table["equality"] == "same rows"}
        assert {table["equality"] for table in one["tables"]} <= {"identical", "same rows"}
        assert len(one["tables"]) == 7
        assert reordered <= (two.ranged if said is folder else frozenset())
    listed = two.said("list", "--config", str(two.config))["backups"]
    assert [one["proof"]["verdict"] for one in listed] == ["proven", "proven"]
