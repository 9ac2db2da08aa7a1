"""Where an artifact is restored to when nobody says, and for whom it is none."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.errors import Refused, UsageError
from python_backup.instance import Dbms, Instance
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import examine_whole
from python_backup.manifest import dump_manifest
from python_backup.model import MANIFEST, Artifact, Format
from support.results import WEB, manifest
from support.silence import Silence

MYSQL = "-- MySQL dump 10.13  Distrib 8.4.3\n{}\nCREATE TABLE t (a int);\n-- Dump completed on 2026-11-21  1:00:00\n"
POSTGRESQL = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t ();\n\n--\n-- PostgreSQL database dump complete\n--\n"
NAMED = "-- Host: localhost    Database: of_dump"


def target(path: Path, asked: str | None = None) -> str:
    return examine_whole(path, WEB, None, Examiner(Silence())).target(asked, WEB)


def with_manifest(path: Path) -> None:
    """Puts a manifest beside the dump that says all the same but another database."""
    content, found = path.read_bytes(), Examiner(Silence()).examine(path).facts
    assert found is not None
    sized = (len(content), hashlib.sha256(content).hexdigest())
    artifact = Artifact(path.name, Format.NONE, *sized, *sized)
    said = replace(manifest("of_manifest"), artifact=artifact, facts=found)
    path.with_name(path.name + MANIFEST).write_bytes(dump_manifest(said))


def test_the_target_is_what_is_asked_for_else_the_manifests_else_the_dumps_else_the_files_name(
    tmp_path: Path,
) -> None:
    path = tmp_path / "20260113_155440_mysql_of_name.sql"
    path.write_text(MYSQL.format("--"))
    assert target(path) == "of_name"
    path.write_text(MYSQL.format(NAMED))
    assert target(path) == "of_dump"
    with_manifest(path)
    assert (target(path), target(path, "asked_for")) == ("of_manifest", "asked_for")


def test_where_none_of_them_says_the_target_must_be_named(tmp_path: Path) -> None:
    path = tmp_path / "anything.sql"
    path.write_text(MYSQL.format("--"))
    with pytest.raises(UsageError, match=r"neither anything\.sql nor its dump says") as caught:
        target(path)
    assert "--target NAME" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("dump", "family", "other"),
    [(MYSQL.format("--"), "mysql", Dbms.POSTGRESQL), (POSTGRESQL, "postgresql", Dbms.MARIADB)],
)
def test_the_dump_of_the_other_engine_is_refused_whatever_its_file_is_called(
    tmp_path: Path, dump: str, family: str, other: Dbms
) -> None:
    path = tmp_path / f"20260113_155440_{other}_shop.sql"
    path.write_text(dump)
    with pytest.raises(Refused, match=f"is a dump of {family}, instance 1 .* is {other}") as caught:
        examine_whole(path, Instance("1", "web", other), None, Examiner(Silence()))
    assert caught.value.exit_code == 8
    assert "--instance" in str(caught.value.hint)
