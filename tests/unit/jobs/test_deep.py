"""What a deep look says of artifacts that are damaged in one way each."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.dump.table import DIALECTS
from python_backup.instance import Dbms
from python_backup.jobs.deep import TableState
from python_backup.jobs.reading import FactsMeter
from python_backup.jobs.verify import VerifyReport, verify_artifact
from python_backup.manifest import dump_manifest
from python_backup.model import Artifact, Format, Manifest
from python_backup.storage.folder import manifest_of
from support.silence import Silence

MYSQL = b"""-- MySQL dump 10.13  Distrib 8.4.3, for Linux (x86_64)
-- Host: localhost    Database: shop
USE `shop`;
CREATE TABLE `a` (`id` int NOT NULL, `t` text, PRIMARY KEY (`id`));
INSERT INTO `a` VALUES (1,'one'),(2,'tw\\'o'),(3,NULL);
CREATE TABLE `b` (`id` int, `u` int);
INSERT INTO `b` VALUES (1,10),(2,20);
/*!50001 CREATE VIEW `v` AS select `id` from `a` */;
-- Dump completed on 2026-11-21  1:00:00
"""
POSTGRESQL = b"""--
-- PostgreSQL database dump
--
SET standard_conforming_strings = on;
CREATE TABLE public.a (id integer NOT NULL, t text);
CREATE TABLE public.b (id integer, u integer);
COPY public.a (id, t) FROM stdin;
1\tone
2\ttw'o
3\t\\N
\\.
COPY public.b (id, u) FROM stdin;
1\t10
2\t20
\\.
CREATE VIEW public.v AS SELECT a.id FROM public.a;
--
-- PostgreSQL database dump complete
--
"""
DUMPS = {"mysql": MYSQL, "postgresql": POSTGRESQL}
FAMILIES = pytest.mark.parametrize("family", ["mysql", "postgresql"])


def stored(
    folder: Path, family: str, content: bytes, *, of: bytes | None = None, packed: bool = False
) -> Path:
    """An artifact of these bytes, beside the manifest of others where they are given.

    The manifest's sums of the stored bytes are right, so that only its facts may differ.
    """
    file = folder / ("shop.sql.gz" if packed else "shop.sql")
    bytes_stored = gzip.compress(content, mtime=0) if packed else content
    file.write_bytes(bytes_stored)
    dialect = DIALECTS[family]
    meter = FactsMeter(dialect)
    list(meter.feed(of or content))
    list(meter.finish())
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    artifact = Artifact(
        file.name,
        Format.GZIP if packed else Format.NONE,
        len(content),
        hashlib.sha256(content).hexdigest(),
        len(bytes_stored),
        hashlib.sha256(bytes_stored).hexdigest(),
    )
    manifest = Manifest(
        "vya-backupdb 0", "1", Dbms(family), "shop", moment, moment, "8.4.3", "dump", "8.4.3", ("dump",),
        artifact, meter.counter.result(),
    )  # fmt: skip
    file.with_name(file.name + ".manifest.json").write_bytes(dump_manifest(manifest))
    return file


def looked(file: Path) -> VerifyReport:
    return verify_artifact(file, Silence(), deep=True)


def states(report: VerifyReport) -> dict[str, TableState]:
    return {table.table.removeprefix("public."): table.state for table in report.tables}


def failed(report: VerifyReport) -> set[str]:
    return {check.name for check in report.checks if check.ok is False}


@FAMILIES
@pytest.mark.parametrize("packed", [True, False])
def test_of_a_good_artifact_every_table_is_the_same(tmp_path: Path, family: str, *, packed: bool) -> None:
    report = looked(stored(tmp_path, family, DUMPS[family], packed=packed))
    assert report.good, report.checks
    assert states(report) == {"a": TableState.SAME, "b": TableState.SAME}
    assert [table.found for table in report.tables] == [3, 2]
    assert all(check.ok for check in report.checks)


@pytest.mark.parametrize(
    ("family", "before", "after", "wrong"),
    [
        ("mysql", b"20", b"21", "b"),
        ("mysql", b"one", b"eno", "a"),
        ("mysql", b"(1,10),(2,20)", b"(1,10)", "b"),
        ("postgresql", b"20", b"21", "b"),
        ("postgresql", b"one", b"eno", "a"),
        ("postgresql", b"1\t10\n", b"", "b"),
    ],
)
def test_a_changed_row_is_named_by_its_table(
    tmp_path: Path, family: str, before: bytes, after: bytes, wrong: str
) -> None:
    changed = DUMPS[family].replace(before, after)
    report = looked(stored(tmp_path, family, changed, of=DUMPS[family]))
    assert failed(report) == {"facts"}
    right = "b" if wrong == "a" else "a"
    assert states(report) == {wrong: TableState.DIFFERS, right: TableState.SAME}
    assert [table.good for table in report.tables].count(False) == 1


@FAMILIES
def test_a_table_that_is_not_there_is_missing(tmp_path: Path, family: str) -> None:
    dump = DUMPS[family]
    parts = {
        "mysql": (b"CREATE TABLE `b`", b"/*!50001"),
        "postgresql": (b"COPY public.b", b"CREATE VIEW"),
    }[family]
    without = dump[: dump.index(parts[0])] + dump[dump.index(parts[1]) :]
    without = without.replace(b"CREATE TABLE public.b (id integer, u integer);\n", b"")
    report = looked(stored(tmp_path, family, without, of=dump))
    assert states(report) == {"a": TableState.SAME, "b": TableState.MISSING}
    (tables,) = (kind for kind in report.objects if not kind.equal)
    assert tables.kind == "tables"
    besides = looked(stored(tmp_path, family, dump, of=without))
    assert states(besides) == {"a": TableState.SAME, "b": TableState.BESIDES}


@FAMILIES
def test_a_truncated_one_tells_where_reading_broke_off(tmp_path: Path, family: str) -> None:
    dump = DUMPS[family]
    file = stored(tmp_path, family, dump)
    file.write_bytes(dump[: dump.index(b"20") + 1])
    report = looked(file)
    assert failed(report) == {"checksum", "content", "place"}
    assert states(report) == {"a": TableState.SAME, "b": TableState.UNREAD}
    place = next(check.detail for check in report.checks if check.name == "place")
    assert "amid the rows of" in place


@FAMILIES
def test_a_flipped_bit_is_named_by_its_table(tmp_path: Path, family: str) -> None:
    file = stored(tmp_path, family, DUMPS[family])
    content = bytearray(file.read_bytes())
    content[content.index(b"20")] ^= 1
    file.write_bytes(content)
    report = looked(file)
    assert {"checksum", "decoded", "facts"} <= failed(report)
    assert states(report) == {"a": TableState.SAME, "b": TableState.DIFFERS}


@FAMILIES
def test_a_row_without_a_value_for_each_column_is_a_fault(tmp_path: Path, family: str) -> None:
    torn = DUMPS[family].replace(b"(2,20)", b"(2)").replace(b"2\t20", b"2")
    report = looked(stored(tmp_path, family, torn))
    assert failed(report) == {"rows"}
    assert [table.fault is None for table in report.tables] == [True, False]
    assert "a row has 1 values for 2 columns" in str(report.tables[1].fault)


@FAMILIES
def test_a_statement_that_no_restore_takes_is_named(tmp_path: Path, family: str) -> None:
    damaged = DUMPS[family].replace(b"CREATE VIEW", b"CRAATE VIEW")
    report = looked(stored(tmp_path, family, damaged))
    assert failed(report) == {"statements"}
    (check,) = (c for c in report.checks if c.name == "statements")
    assert "line" in check.detail


@FAMILIES
def test_without_a_manifest_tables_are_counted(tmp_path: Path, family: str) -> None:
    file = tmp_path / "shop.sql"
    file.write_bytes(DUMPS[family])
    report = looked(file)
    assert report.good
    assert [(t.state, t.expected, t.found) for t in report.tables] == [
        (TableState.COUNTED, None, 3),
        (TableState.COUNTED, None, 2),
    ]


def test_what_the_manifest_says_of_the_decoded_bytes_is_compared(tmp_path: Path) -> None:
    file = stored(tmp_path, "mysql", MYSQL)
    manifest = manifest_of(file)
    assert manifest is not None
    other = replace(manifest, artifact=replace(manifest.artifact, raw_size=1))
    file.with_name(file.name + ".manifest.json").write_bytes(dump_manifest(other))
    assert failed(looked(file)) == {"decoded"}
