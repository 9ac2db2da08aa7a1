"""Copies of a real backup, damaged in many ways: every drill ends failed, and names what is damaged."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.damages import sample
from integration.damages.dump import Dump
from integration.damages.table import MYSQL, POSTGRESQL, ROWS
from python_backup.jobs.copies import Copier
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.model import MANIFEST, Format, Manifest
from python_backup.storage.proofs import Verdict
from python_backup.stream.artifact import read_artifact
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence

STORED: dict[str, Callable[[bytes], bytes]] = {
    "nothing is there": lambda _: b"",
    "the first byte alone is there": lambda b: b[:1],
    "the first third is there": lambda b: b[: len(b) // 3],
    "the last byte is missing": lambda b: b[:-1],
    "the beginning is missing": lambda b: b[64:],
    "a bit in the head is changed": lambda b: _flipped(b, 6),
    "a bit in the middle is changed": lambda b: _flipped(b, len(b) // 2),
    "the last bit is changed": lambda b: _flipped(b, len(b) - 1),
    "a stretch is zeros": lambda b: b[:200] + bytes(100) + b[300:],
    "a stretch is there twice": lambda b: b[:300] + b[200:],
    "two stretches are swapped": lambda b: b[:200] + b[300:400] + b[200:300] + b[400:],
    "all is there twice": lambda b: b + b,
    "bytes stand behind": lambda b: b + b"\n",
    "zeros stand behind": lambda b: b + bytes(512),
    "all is zeros": lambda b: bytes(len(b)),
    "it is compressed otherwise": gzip.compress,
    "it is text": lambda b: b.hex().encode(),
}
OTHER_ENGINE = {
    "postgresql": (
        b"-- MariaDB dump 10.19-11.8.6-MariaDB\n-- Server version\t11.8.6-MariaDB\n"
        b"CREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES (1);\n-- Dump completed\n"
    ),
    "mysql": (
        b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 18.1\n"
        b"-- Dumped by pg_dump version 18.1\n\nCREATE TABLE public.t (a integer);\n"
        b"COPY public.t (a) FROM stdin;\n1\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
    ),
}
"""Small dumps of the other family."""


def _flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]


OF_FAMILY = {"postgresql": POSTGRESQL, "mysql": MYSQL}


@dataclass(frozen=True)
class Original:
    """The backup that is damaged."""

    path: Path
    manifest: Manifest
    server: RunningServer

    @property
    def dump(self) -> Dump:
        return Dump(b"".join(read_artifact(self.path)), self.server.family)


@pytest.fixture(scope="module")
def original(dbms_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A backup of the sample, whose database is gone since."""
    database = f"damaged_{uuid.uuid4().hex[:8]}"  # other workers use the same server
    databases.create(dbms_server, database)
    sample.build(dbms_server, database)
    result = backed_up(instance_for(dbms_server), database, tmp_path_factory.mktemp("b"), Format.ZSTD)
    databases.drop(dbms_server, database)
    assert result.path is not None
    assert result.manifest is not None
    return Original(result.path, result.manifest, dbms_server)


@pytest.fixture
def drilled(original: Original) -> Callable[[Path], DrillReport]:
    """Drills a file on the tests' own server, which starts once and not for each damage."""
    instance = instance_for(original.server)
    ground = Grounds(on=instance.id, scratch=(instance,))
    return lambda file: drill(DrillRequest(file, grounds=ground), Silence(), lambda: datetime.now(UTC))


@pytest.fixture(scope="module")
def other(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A backup of another database of the same server."""
    server = original.server
    with databases.database(server, f"another_{uuid.uuid4().hex[:8]}") as name:
        databases.execute(server, name, "CREATE TABLE stranger (id INT)", "INSERT INTO stranger VALUES (1)")
        result = backed_up(instance_for(server), name, tmp_path_factory.mktemp("b"), Format.ZSTD)
    assert result.path is not None
    assert result.manifest is not None
    return Original(result.path, result.manifest, server)


def test_the_backup_itself_is_proven(original: Original, drilled: Callable[[Path], DrillReport]) -> None:
    report = drilled(original.path)
    assert (report.verdict, report.reason) == (Verdict.PROVEN, None)


def test_each_damage_of_the_content_is_found_and_named(
    original: Original, drilled: Callable[[Path], DrillReport], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for number, edit in enumerate(ROWS + OF_FAMILY[original.server.family]):
        with subtests.test(edit.name):
            changed = edit.change(original.dump).content
            report = drilled(Copier(original.manifest).content(tmp_path / str(number), [changed]))
            assert report.verdict is Verdict.FAILED, report.reason
            assert edit.names in (report.reason or "")


def unaltered(blocks: Iterator[bytes], _size: int) -> Iterator[bytes]:
    return blocks


def test_each_damage_of_the_stored_bytes_is_found(
    original: Original, drilled: Callable[[Path], DrillReport], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for number, (name, alter) in enumerate(STORED.items()):
        with subtests.test(name):
            report = drilled(
                Copier(original.manifest).stored(
                    tmp_path / str(number),
                    original.path,
                    lambda blocks, _, alter=alter: iter([alter(b"".join(blocks))]),
                )
            )
            assert report.verdict is Verdict.FAILED, report.reason
            assert "load" not in report.seconds


def test_what_is_of_another_database_or_engine_is_found(
    original: Original,
    other: Original,
    drilled: Callable[[Path], DrillReport],
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    mine, others = Copier(original.manifest), Copier(other.manifest)
    files = {
        "another database's file": mine.stored(tmp_path / "1", other.path, unaltered),
        "another database's dump": mine.content(tmp_path / "2", [other.dump.content]),
        "another database's manifest": others.stored(tmp_path / "3", original.path, unaltered),
        "another database's facts": others.content(tmp_path / "4", [original.dump.content]),
        "another engine's dump": mine.content(tmp_path / "5", [OTHER_ENGINE[original.server.family]]),
        "no dump": mine.content(tmp_path / "6", [b"It was a dark and stormy night.\n"]),
        "nothing": mine.content(tmp_path / "7", []),
        "comments alone": mine.content(tmp_path / "8", [original.dump.comments]),
    }
    for name, file in files.items():
        with subtests.test(name):
            report = drilled(file)
            assert report.verdict is Verdict.FAILED, report.reason
            assert "load" not in report.seconds


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(b'"rows": 4', b'"rows": 5'),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b'"sha256": "', b'"sha256": "0', 1),
        lambda _: b"",
        lambda _: b"{}",
    ],
)
def test_a_manifest_that_is_not_as_it_was_written_is_found(
    original: Original,
    drilled: Callable[[Path], DrillReport],
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
) -> None:
    file = Copier(original.manifest).stored(tmp_path, original.path, unaltered)
    beside = file.with_name(file.name + MANIFEST)
    written = beside.read_bytes()
    beside.write_bytes(damage(written))
    assert beside.read_bytes() != written
    report = drilled(file)
    assert report.verdict is Verdict.FAILED
    assert "manifest" in (report.reason or "")


def test_there_are_fifty_kinds_of_damage_for_each_family() -> None:
    for own in OF_FAMILY.values():
        names = [edit.name for edit in ROWS + own] + list(STORED)
        assert len(set(names)) == len(names) >= 50
