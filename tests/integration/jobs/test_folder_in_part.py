"""One table out of a folder of parts: what a single file gives, from the parts that hold it alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_parts import SCHEMA, good, in_parts
from python_backup.dump.pick import Pick
from python_backup.engines.mysql import shares
from python_backup.engines.postgresql import parts
from python_backup.errors import ArtifactCorrupt, UsageError
from python_backup.instance import Instance
from python_backup.jobs.diff import diff
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import examine_whole
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rows import changed_rows
from python_backup.jobs.show import show_table
from python_backup.model import Facts, Manifest, Part
from support import databases, shop
from support.cli import Program
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
ROWS = 3000
TEXT = {"postgresql": "md5(i::text) || md5((-i)::text)", "mysql": "sha2(i, 256)"}
SERIAL = {"postgresql": "serial", "mysql": "INT AUTO_INCREMENT"}
ROWS_LEFT = "data of a table not picked"
LARGE = ("b_first", "c_next", "d_last")


@dataclass(frozen=True)
class Two:
    """A database of a small table and three large ones, as a folder of parts and as a single file."""

    server: RunningServer
    folder: Path
    file: Path
    manifest: Manifest

    @property
    def instance(self) -> Instance:
        return instance_for(self.server)

    def parts(self, table: str) -> list[Part]:
        """Those of a large table."""
        return [part for part in self.manifest.parts if part.table.rpartition(".")[2] == table]

    def damage(self, *parts: Part) -> None:
        """Puts other bytes, as many, in the place of files."""
        for part in parts:
            (self.folder / part.file).write_bytes(os.urandom(part.size))


@pytest.fixture
def two(
    family_server: RunningServer, new_database: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Two:
    monkeypatch.setattr(parts, "RANGE", 96 << 10)
    monkeypatch.setattr(shares, "_SHARE", 96 << 10)
    monkeypatch.setattr(shares, "_SMALL", 64 << 10)
    database = new_database(family_server, "two")
    databases.execute(family_server, database, *_schema(family_server))
    instance = instance_for(family_server)
    (tmp_path / "backups").mkdir()
    folder, manifest = good(in_parts(instance, database, tmp_path / "backups"))
    file = backed_up(instance, database, tmp_path / "backups").path
    assert file is not None
    made = Two(family_server, folder, file, manifest)
    assert all(made.parts(table) for table in LARGE)
    return made


def _schema(server: RunningServer) -> Iterator[str]:
    text, numbers = TEXT[server.family], databases.numbers(server, ROWS)
    yield "CREATE TABLE a_small (id INT PRIMARY KEY, t TEXT)"
    yield "INSERT INTO a_small VALUES (1, 'one'), (2, 'two')"
    for table in LARGE:
        yield f"CREATE TABLE {table} (id {SERIAL[server.family]} PRIMARY KEY, t TEXT)"
        yield f"INSERT INTO {table} (t) SELECT {text} FROM {numbers}"
        yield f"{'ANALYZE TABLE' if server.family == 'mysql' else 'ANALYZE'} {table}"
    yield "CREATE INDEX by_text ON c_next (t, id)" if server.family == "postgresql" else "SELECT 1"
    yield "CREATE VIEW seen AS SELECT id FROM c_next"


def part_of(two: Two, path: Path, pick: Pick, target: str) -> RestoreReport:
    request = RestoreRequest(path, two.instance, target, pick=pick, jobs=2)
    report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
    assert report.comparison is not None
    assert report.comparison.equal, report.comparison
    return report


PICKS = [
    (Pick(tables=("c_next",)), ("b_first", "d_last")),
    (Pick(tables=("a_*", "d_*")), ("b_first", "c_next")),
    (Pick(excluded=("?_first", "seen")), ("b_first",)),
    (Pick(schema_only=True), LARGE),
]


@pytest.mark.parametrize(("pick", "left"), PICKS)
def test_a_restore_gives_what_the_single_file_gives_and_opens_no_other_part(
    two: Two, new_database: Name, pick: Pick, left: tuple[str, ...]
) -> None:
    for table in left:
        two.damage(*two.parts(table))
    from_file, from_folder = (
        part_of(two, path, pick, new_database(two.server, "part", create=False))
        for path in (two.file, two.folder)
    )
    assert _laid_out(from_folder.facts) == _laid_out(from_file.facts)
    left_out, in_file = (report.changes.counts.get(ROWS_LEFT) for report in (from_folder, from_file))
    assert left_out == in_file
    assert from_folder.warnings == from_file.warnings
    assert from_folder.manifest == two.manifest


def _laid_out(found: Facts) -> Facts:
    """The facts without sizes: a tool writes INSERTs with line ends."""
    return replace(found, tables=tuple(replace(table, size=0) for table in found.tables))


def test_show_and_diff_open_no_other_part(two: Two) -> None:
    whole = show_table(two.file, "c_next", 3, Silence())
    others = [part for table in ("b_first", "d_last") for part in two.parts(table)]
    for part in others:
        (two.folder / part.file).unlink()
    shown = show_table(two.folder, "c_next", 3, Silence())
    assert (shown.definition, shown.tables) == (whole.definition, whole.tables)
    assert shown.read <= two.manifest.artifact.size - sum(part.size for part in others)
    compared = changed_rows(diff(two.folder, two.file, Silence()), "c_next", 3, Silence())
    assert (compared.key, compared.same) == (("id",), True)


def test_a_damaged_part_that_is_needed_is_named(two: Two, tmp_path: Path, new_database: Name) -> None:
    damaged = two.parts("c_next")[-1]
    two.damage(damaged)
    program, target = Program(two.server, tmp_path), new_database(two.server, "part", create=False)
    words = ("restore", "-f", str(two.folder), "-i", "1", "-t", target, "--table", "c_next")
    for done in (program.run(*words), program.run(*words, "--merge", "keep")):
        assert (done.returncode, damaged.file in done.stderr) == (5, True), done.stderr
    with pytest.raises(ArtifactCorrupt, match=damaged.file):
        show_table(two.folder, "c_next", 1, Silence())
    with pytest.raises(ArtifactCorrupt, match=damaged.file):
        changed_rows(diff(two.folder, two.file, Silence()), "c_next", 3, Silence())


def test_a_missing_part_is_no_matter_where_it_is_not_needed_but_is_told(
    two: Two, tmp_path: Path, new_database: Name
) -> None:
    missing = two.parts("b_first")[0]
    (two.folder / missing.file).unlink()
    program, target = Program(two.server, tmp_path), new_database(two.server, "part", create=False)
    words = ("restore", "-f", str(two.folder), "-i", "1", "-t", target, "--table", "c_next", "--json")
    done = program.run(*words)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["warnings"]
    assert told == f"parts: not needed, but not as the manifest says: {missing.file} is missing"
    assert databases.scalar(two.server, target, "SELECT count(*) FROM c_next") == ROWS
    with pytest.raises(ArtifactCorrupt, match=missing.file):
        examine_whole(two.folder, two.instance, None, Examiner(Silence(), pick=Pick(tables=("b_first",))))


def test_a_part_that_is_changed_while_it_is_loaded_ends_the_restore(
    two: Two, new_database: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, changed = new_database(two.server, "part", create=False), two.parts("c_next")[0]

    def examined(*words: object) -> object:
        whole = examine_whole(*words)  # type: ignore[arg-type]
        two.damage(changed)
        return whole

    monkeypatch.setattr("python_backup.jobs.restore.examine_whole", examined)
    with pytest.raises(ArtifactCorrupt, match=changed.file):
        part_of(two, two.folder, Pick(tables=("c_next",)), target)
    assert target not in databases.names(two.server)


@pytest.fixture
def everything(family_server: RunningServer, new_database: Name) -> str:
    """A database of all that may go wrong with parts."""
    name = new_database(family_server, "everything")
    if family_server.family == "postgresql":
        databases.execute(family_server, name, *SCHEMA)
    else:
        shop.build(family_server, name)
    return name


def test_whatever_is_picked_is_what_reading_all_parts_picks(
    family_server: RunningServer, everything: str, tmp_path: Path
) -> None:
    folder, manifest = good(in_parts(instance_for(family_server), everything, tmp_path))
    whole = folder.rename(tmp_path / "whole")
    shutil.copytree(whole, folder)
    (whole / "manifest.json").unlink()
    found = manifest.facts
    names = [table.name for table in found.tables][::2] + list(found.sequences)
    picks = [
        *(Pick(tables=(name,)) for name in names),
        Pick(excluded=tuple(names[::2])),
        Pick(data_only=True),
    ]
    for pick in picks:
        part, all_of_it = (_picked(path, everything, pick) for path in (folder, whole))
        assert part == all_of_it, pick


def _picked(path: Path, source: str, pick: Pick) -> object:
    """The facts of what is picked, or why it cannot be."""
    try:
        seen = Examiner(Silence(), pick=pick).examine(path, source)
    except UsageError as exc:
        return exc.message
    assert seen.failed is None, seen.failed
    return seen.facts, seen.picked
