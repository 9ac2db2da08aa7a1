"""What changed between two backups, by their manifests and by dumps without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactMissing
from python_backup.jobs.diff import Content, DiffReport, ObjectsChange, SequenceChange, TableChange, diff
from python_backup.manifest import dump_manifest
from python_backup.model import Facts, Manifest, TableFacts
from support.results import manifest
from support.silence import Silence

BEFORE = Facts(
    (TableFacts("a", 3, 9, "x"), TableFacts("b", 2, 9, "x"), TableFacts("c", None, 9, "x"), TableFacts("d", 1, 1, "x")),
    {"tables": ("a", "b", "c", "d"), "routines": ("f", "f"), "views": ("v",)},
    {"s": 7, "t": 1},
    {"tables": {"a": "blake3:1", "b": "blake3:1"}, "views": {"v": "blake3:1"}, "others": {"cast": "blake3:1"}},
)  # fmt: skip
AFTER = Facts(
    (TableFacts("a", 3, 9, "x"), TableFacts("b", 5, 9, "y"), TableFacts("c", None, 9, "y"), TableFacts("e", 1, 1, "x")),
    {"tables": ("a", "b", "c", "e"), "routines": ("f",), "views": ("v",)},
    {"s": 9, "u": 1},
    {"tables": {"a": "blake3:1", "b": "blake3:2"}, "views": {"v": "later:1"}, "others": {"publication p": "blake3:1"}},
)  # fmt: skip
DUMP = b"""-- MySQL dump 10.13  Distrib 8.4.3
CREATE TABLE `a` (`id` int);
INSERT INTO `a` VALUES %s;
-- Dump completed on 2026-11-21  1:00:00
"""


def written(folder: Path, name: str, facts: Facts, **changes: object) -> Path:
    """A manifest without its artifact."""
    one: Manifest = replace(manifest(), facts=facts, **changes)  # type: ignore[arg-type]
    path = folder / f"{name}.sql.manifest.json"
    path.write_bytes(dump_manifest(one))
    return path


def compared(folder: Path, before: Facts, after: Facts, **changes: object) -> DiffReport:
    return diff(written(folder, "a", before), written(folder, "b", after, **changes), Silence())


def test_tables_objects_and_sequences_are_told_from_manifests_alone(tmp_path: Path) -> None:
    report = compared(tmp_path, BEFORE, AFTER)
    assert report.tables == (
        TableChange("a", 3, 3, Content.SAME),
        TableChange("b", 2, 5, Content.CHANGED),
        TableChange("c", None, None, Content.CHANGED),
        TableChange("d", 1, None, Content.REMOVED),
        TableChange("e", None, 1, Content.ADDED),
    )
    assert report.objects == (
        ObjectsChange("others", ("publication p",), ("cast",)),
        ObjectsChange("routines", (), ("f",)),
        ObjectsChange("tables", ("e",), ("d",), ("b",)),
    )
    assert report.sequences == (
        SequenceChange("s", 7, 9),
        SequenceChange("t", 1, None),
        SequenceChange("u", None, 1),
    )
    assert not report.same
    assert report.comparable


def test_a_backup_beside_itself_is_the_same(tmp_path: Path) -> None:
    report = compared(tmp_path, BEFORE, BEFORE)
    assert report.same
    assert (report.objects, report.sequences) == ((), ())


@pytest.mark.parametrize(
    "changes", [{"client": "mariadb-dump"}, {"client_version": "10.0"}, {"server_version": "8.4.1"}]
)
def test_what_other_tools_wrote_is_unknown_where_the_rows_are_as_many(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    other = replace(
        BEFORE, tables=(replace(BEFORE.tables[0], digest="z"), replace(BEFORE.tables[1], rows=9, digest="z"))
    )
    report = compared(tmp_path, BEFORE, other, **changes)
    assert not report.comparable
    assert [t.content for t in report.tables][:2] == [Content.UNKNOWN, Content.CHANGED]
    assert report.objects == ()


def test_a_manifest_without_statements_has_no_changed_ones(tmp_path: Path) -> None:
    report = compared(tmp_path, replace(BEFORE, statements={}), replace(BEFORE, statements=AFTER.statements))
    assert report.same


def test_a_patch_level_of_the_server_writes_values_as_before(tmp_path: Path) -> None:
    assert compared(tmp_path, BEFORE, BEFORE, server_version="9.7.12").comparable


def test_an_artifact_stands_for_its_manifest(tmp_path: Path) -> None:
    a, b = written(tmp_path, "a", BEFORE), written(tmp_path, "b", AFTER)
    artifacts = [path.with_name(path.name.removesuffix(".manifest.json")) for path in (a, b)]
    assert diff(artifacts[0], artifacts[1], Silence()).tables == diff(a, b, Silence()).tables


def test_a_dump_without_a_manifest_is_counted(tmp_path: Path) -> None:
    files = [tmp_path / "a.sql", tmp_path / "b.sql"]
    for file, rows in zip(files, (b"(1)", b"(1),(2)"), strict=True):
        file.write_bytes(DUMP % rows)
    assert diff(files[0], files[1], Silence()).tables == (TableChange("a", 1, 2, Content.CHANGED),)


def test_what_is_not_there_or_damaged_is_named(tmp_path: Path) -> None:
    good = written(tmp_path, "a", BEFORE)
    with pytest.raises(ArtifactMissing, match="no file"):
        diff(good, tmp_path / "none.sql", Silence())
    with pytest.raises(ArtifactMissing, match=r"no file .*none\.sql\.manifest\.json"):
        diff(tmp_path / "none.sql.manifest.json", good, Silence())
    torn = tmp_path / "torn.sql"
    torn.write_bytes(DUMP[:60])
    with pytest.raises(ArtifactCorrupt, match=r"torn\.sql cannot be read"):
        diff(good, torn, Silence())
