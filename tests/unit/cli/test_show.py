"""vya-backupdb show, over a made-up dump."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DUMP = """-- MySQL dump 10.13  Distrib 8.4.3
CREATE TABLE `t` (`id` int NOT NULL, `name` text, PRIMARY KEY (`id`));
/*!40000 ALTER TABLE `t` DISABLE KEYS */;
INSERT INTO `t` VALUES (1,'one'),(2,NULL),(3,'three');
CREATE TABLE `empty` (`id` int);
-- Dump completed
"""


@pytest.fixture
def dump(tmp_path: Path) -> str:
    path = tmp_path / "a.sql"
    path.write_text(DUMP)
    return str(path)


def test_a_table_is_shown_with_its_definition_and_first_rows(vya: Callable, dump: str) -> None:
    ran = vya("show", dump, "--table", "t", "--limit", "2")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.out.startswith("CREATE TABLE `t` (`id` int NOT NULL")
    assert "KEYS" not in ran.out
    assert [line[:3] for line in lines if line[:1] == ["t:"]] == [["t:", "3", "rows,"]]
    assert ["id", "name"] in lines
    assert ["1", "'one'"] in lines
    assert ["2", "NULL"] in lines
    assert ran.out.splitlines()[-1] == "the first 2 rows; --limit shows more"


def test_json_has_values_whole_and_null_as_null(vya: Callable, dump: str) -> None:
    found = vya("show", dump, "--table", "t", "--json").document
    (table,) = found["tables"]
    assert (table["table"], table["rows"], table["columns"]) == ("t", 3, ["id", "name"])
    assert table["first"][1] == {"id": "2", "name": None}


def test_a_pattern_shows_several_and_tables_without_rows_too(vya: Callable, dump: str) -> None:
    found = vya("show", dump, "--table", "*", "--json").document
    assert [(t["table"], t["rows"], t["first"][:1]) for t in found["tables"]] == [
        ("empty", 0, []),
        ("t", 3, [{"id": "1", "name": "'one'"}]),
    ]
    assert len(found["definition"]) == 2


def test_a_table_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    vya: Callable, dump: str
) -> None:
    ran = vya("show", dump, "--table", "nothing")
    assert ran.code == 2
    assert "empty, t" in ran.err


def test_a_cut_dump_exits_5(vya: Callable, dump: str, tmp_path: Path) -> None:
    (tmp_path / "b.sql").write_text(DUMP[: DUMP.index("NULL")])
    assert vya("show", str(tmp_path / "b.sql"), "--table", "t").code == 5
