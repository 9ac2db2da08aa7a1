"""One table out of many is restored from the frames that hold it, and no others are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_picking import part
from python_backup.dump.pick import Pick
from python_backup.errors import ArtifactCorrupt
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.diff import diff
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import examine_whole
from python_backup.jobs.rows import changed_rows
from python_backup.jobs.show import show_table
from python_backup.manifest import load_manifest
from python_backup.model import Format, Manifest
from python_backup.stream.frames import framed
from support import databases
from support.cli import Program
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
ROWS = 90_000
TEXT = {
    "postgresql": "md5(i::text) || md5((-i)::text) || md5((i * 7)::text)",
    "mysql": "concat(md5(i), md5(-i), md5(i * 7))",
}


@pytest.fixture
def backup(family_server: RunningServer, new_database: Name, tmp_path: Path) -> tuple[Path, Manifest]:
    """A database of tables before, between and after two large ones, whose stored frames are damaged."""
    shop = new_database(family_server, "shop")
    tables = ("a_first", "b_large", "c_between", "d_large", "e_last")
    statements = [f"CREATE TABLE {table} (id int PRIMARY KEY, t text)" for table in tables]
    text, numbers = TEXT[family_server.family], databases.numbers(family_server, ROWS)
    statements += [f"INSERT INTO {t} SELECT i, {text} FROM {numbers}" for t in ("b_large", "d_large")]
    statements += [
        f"INSERT INTO {t} VALUES (1, '{t}'), (2, '{t}')" for t in ("a_first", "c_between", "e_last")
    ]
    statements += [
        "CREATE INDEX c_text ON c_between (id, t(5))" if family_server.family == "mysql" else "SELECT 1"
    ]
    databases.execute(family_server, shop, *statements)
    instance = instance_for(family_server)
    request = BackupRequest((instance,), (shop,), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.path is not None
    manifest = load_manifest(Path(f"{result.path}.manifest.json").read_bytes())
    assert [name.rpartition(".")[2] for name in manifest.spans] == ["b_large", "d_large"]
    with framed(result.path, manifest.artifact.frames) as frames:
        assert frames is not None
        for (span,) in manifest.spans.values():
            within = [
                n
                for n, at in enumerate(frames.begins[:-1])
                if span.begin < at and frames.begins[n + 1] < span.end
            ]
            assert len(within) >= 2
            with result.path.open("r+b") as file:
                file.seek(frames.stored[within[0]] + 100)
                file.write(b"damage")
    return result.path, manifest


def test_small_tables_of_a_backup_whose_large_ones_are_damaged_come_back(
    family_server: RunningServer, new_database: Name, backup: tuple[Path, Manifest]
) -> None:
    path, _ = backup
    target = new_database(family_server, "part", create=False)
    facts, _ = part(family_server, path, Pick(tables=("*_first", "c_*", "e_last")), target)
    assert [(t.name.rpartition(".")[2], t.rows) for t in facts.tables] == [
        ("a_first", 2), ("c_between", 2), ("e_last", 2),
    ]  # fmt: skip
    assert databases.scalar(family_server, target, "SELECT t FROM e_last WHERE id = 2") == "e_last"


def test_the_definitions_alone_need_no_large_table_either(
    family_server: RunningServer, new_database: Name, backup: tuple[Path, Manifest]
) -> None:
    target = new_database(family_server, "part", create=False)
    facts, _ = part(family_server, backup[0], Pick(schema_only=True), target)
    assert (len(facts.tables), facts.rows) == (5, 0)


def test_a_table_is_shown_and_compared_without_reading_another(backup: tuple[Path, Manifest]) -> None:
    path, manifest = backup
    (table,) = (t for t in manifest.facts.tables if t.name.endswith("c_between"))
    shown = show_table(path, "c_between", 1, Silence())
    (found,) = shown.tables
    assert (found.table, found.rows, found.digest) == (table.name, 2, table.digest)
    assert found.first == ({"id": "1", "t": found.first[0]["t"]},)
    assert any(statement.startswith("CREATE TABLE") for statement in shown.definition)
    assert shown.read < manifest.artifact.size / 2
    compared = changed_rows(diff(path, path, Silence()), "c_between", 10, Silence())
    assert (compared.key, compared.same) == (("id",), True)
    with pytest.raises(ArtifactCorrupt, match="frame"):
        show_table(path, "b_large", 1, Silence())


@pytest.mark.parametrize("pick", [None, Pick(tables=("*_large",)), Pick(excluded=("a_*",))])
def test_a_damaged_frame_that_is_needed_is_found(
    family_server: RunningServer, backup: tuple[Path, Manifest], pick: Pick | None
) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"frame|checksum|corrupt"):
        examine_whole(backup[0], instance_for(family_server), None, Examiner(Silence(), pick=pick))


def test_the_restore_says_how_much_it_read(
    family_server: RunningServer, new_database: Name, backup: tuple[Path, Manifest], tmp_path: Path
) -> None:
    target = new_database(family_server, "part", create=False)
    program = Program(family_server, tmp_path)
    words = ("restore", "-f", str(backup[0]), "-i", "1", "-t", target, "--table", "c_between", "--json")
    done = program.run(*words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["warnings"] == []
    again = program.run("restore", "-f", str(backup[0]), "-i", "1", "-t", f"{target}_x", "--json")
    assert again.returncode == 5
