"""What is said of an artifact before anything is done with it."""

from pathlib import Path

import pytest

from python_backup.errors import UnsafeDump, UsageError
from python_backup.jobs.examine import Examiner
from support.silence import Silence

MYSQL = b"-- MySQL dump 10.13  Distrib 8.4.3\n\n%s\n-- Dump completed on 2026-11-21  1:00:00\n"
POSTGRESQL = b"--\n-- PostgreSQL database dump\n--\n\n%s\n--\n-- PostgreSQL database dump complete\n--\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", b"-- a comment\n", b"/* a comment */", MYSQL % b"", POSTGRESQL % b"\\connect x\n"],
)
@pytest.mark.parametrize("family", ["mysql", "postgresql"])
def test_a_file_without_a_statement_is_no_dump(tmp_path: Path, content: bytes, family: str) -> None:
    file = tmp_path / "shop.sql"
    file.write_bytes(content)
    failed = Examiner(Silence(), family=family).examine(file).failed
    assert failed is not None
    assert (failed.name, failed.detail) == ("content", "there is no statement in it: this is no dump")


@pytest.mark.parametrize("dump", [MYSQL % b"SET NAMES utf8mb4;\n", POSTGRESQL % b"SET row_security = off;\n"])
def test_the_dump_of_an_empty_database_is_one(tmp_path: Path, dump: bytes) -> None:
    file = tmp_path / "shop.sql"
    file.write_bytes(dump)
    found = Examiner(Silence()).examine(file)
    assert found.failed is None


@pytest.mark.parametrize(("digest", "damaged"), [("0" * 32, True), (None, False)])
def test_damage_that_looks_like_a_command_of_the_client_is_damage(
    tmp_path: Path, digest: str | None, *, damaged: bool
) -> None:
    file = tmp_path / "shop.sql"
    file.write_bytes(POSTGRESQL % b"SET row_security = off;\n\\! rm -r x\n")
    if not damaged:
        with pytest.raises(UnsafeDump):
            Examiner(Silence()).examine(file, "shop")
        return
    file.with_name("shop.sql.md5").write_text(f"{digest}  shop.sql\n")
    failed = Examiner(Silence()).examine(file, "shop").failed
    assert failed is not None
    assert failed.name == "content"


def test_a_name_that_was_cut_or_changed_is_damage_and_not_another_database(tmp_path: Path) -> None:
    head = POSTGRESQL.partition(b"%s")[0] + b"CREATE DATABASE shop;\n\\connect "
    cut = tmp_path / "cut.sql"
    cut.write_bytes(head + b"sho\n")
    failed = Examiner(Silence()).examine(cut).failed
    assert failed is not None
    assert "truncated" in failed.detail
    changed = tmp_path / "changed.sql"
    changed.write_bytes(POSTGRESQL % b"CREATE DATABASE shop;\n\\connect shoq\nCREATE TABLE t ();\n")
    with pytest.raises(UsageError, match="holds 2 databases"):
        Examiner(Silence()).examine(changed)
    changed.with_name("changed.sql.md5").write_text(f"{'0' * 32}  changed.sql\n")
    failed = Examiner(Silence()).examine(changed).failed
    assert failed is not None
    assert failed.name == "content"
