"""vya-backupdb diff, over made-up manifests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.manifest import dump_manifest
from python_backup.model import Facts, TableFacts
from support.results import FACTS, manifest


@pytest.fixture
def backups(tmp_path: Path) -> tuple[str, str]:
    later = Facts(
        (TableFacts("orders", 1250, 99, "blake3:22"), *FACTS.tables[1:], TableFacts("new", 0, 0, "blake3:")),
        {"views": ("w",)},
        {"ticket": 5},
    )
    paths = []
    for name, facts in (("a", FACTS), ("b", later)):
        path = tmp_path / f"{name}.sql.zst.manifest.json"
        path.write_bytes(dump_manifest(replace(manifest(), facts=facts)))
        paths.append(str(path))
    return paths[0], paths[1]


def test_what_changed_is_told_and_exits_0(vya: Callable, config: Path, backups: tuple[str, str]) -> None:
    config.unlink()
    ran = vya("diff", *backups)
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["orders", "1,000", "1,250", "+250", "changed"] in lines
    assert ["new", "-", "0", "added"] in lines
    assert not [line for line in lines if line[:1] == ["users"]]
    assert ran.out.splitlines()[-5:] == [
        "changed: other rows, or the same in another order; --rows TABLE tells which",
        "views added: w",
        "views removed: v",
        "sequence ticket: nothing to 5",
        "2 of 3 tables changed",
    ]


def test_a_backup_beside_itself_has_no_changes(vya: Callable, backups: tuple[str, str]) -> None:
    ran = vya("diff", backups[0], backups[0], "--exit-code")
    assert (ran.code, ran.out) == (0, "nothing changed in 2 tables\n")


def test_asked_for_a_code_a_change_exits_6(vya: Callable, backups: tuple[str, str]) -> None:
    assert vya("diff", *backups, "--exit-code").code == 6


def test_json_has_all_tables_and_what_else_changed(vya: Callable, backups: tuple[str, str]) -> None:
    found = vya("diff", *backups, "--json").document
    assert (found["exit_code"], found["same"], found["comparable"]) == (0, False, True)
    assert found["before"]["rows"] == 1200
    assert found["tables"] == [
        {"table": "new", "before": None, "after": 0, "content": "added"},
        {"table": "orders", "before": 1000, "after": 1250, "content": "changed"},
        {"table": "users", "before": 200, "after": 200, "content": "same"},
    ]
    assert found["objects"] == [{"kind": "views", "added": ["w"], "removed": ["v"], "changed": []}]
    assert found["sequences"] == [{"sequence": "ticket", "before": None, "after": 5}]


def test_a_missing_one_exits_5(vya: Callable, backups: tuple[str, str]) -> None:
    assert vya("diff", backups[0], "none.sql").code == 5


DUMP = """-- MySQL dump 10.13  Distrib 8.4.3
CREATE TABLE `t` (`id` int NOT NULL, `name` text, `n` int, PRIMARY KEY (`id`));
INSERT INTO `t` VALUES {};
-- Dump completed
"""


@pytest.fixture
def dumps(tmp_path: Path) -> tuple[str, str]:
    rows = ("(1,'one',1),(2,'two',2),(3,NULL,3)", "(1,'one',1),(2,'zwei',NULL),(4,'four',4)")
    paths = []
    for name, values in zip("ab", rows, strict=True):
        path = tmp_path / f"{name}.sql"
        path.write_text(DUMP.format(values))
        paths.append(str(path))
    return paths[0], paths[1]


def test_changed_rows_are_shown_by_their_key(vya: Callable, dumps: tuple[str, str]) -> None:
    ran = vya("diff", *dumps, "--rows", "t")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "~ id=2 name: 'two' -> 'zwei', n: 2 -> NULL",
        "- id=3 name=NULL, n=3",
        "+ id=4 name='four', n=4",
        "t: 1 added, 1 removed, 1 changed",
    ]
    assert vya("diff", *dumps, "--rows", "t", "--exit-code").code == 6
    assert vya("diff", dumps[0], dumps[0], "--rows", "t", "--exit-code").code == 0


def test_more_rows_than_are_shown_are_told(vya: Callable, dumps: tuple[str, str]) -> None:
    lines = vya("diff", *dumps, "--rows", "t", "--limit", "1").out.splitlines()
    assert lines[-2:] == ["1 of them are shown; --limit shows more", "t: 1 added, 1 removed, 1 changed"]


def test_rows_are_in_the_json(vya: Callable, dumps: tuple[str, str]) -> None:
    found = vya("diff", *dumps, "--rows", "t", "--json").document
    assert (found["key"], found["added"], found["removed"], found["changed"]) == (["id"], 1, 1, 1)
    assert found["rows"][1] == {
        "change": "removed", "key": {"id": "3"}, "before": {"id": "3", "name": None, "n": "3"}, "after": None,
    }  # fmt: skip


def test_a_table_that_is_in_neither_is_a_usage_error(vya: Callable, dumps: tuple[str, str]) -> None:
    assert vya("diff", *dumps, "--rows", "none").code == 2
