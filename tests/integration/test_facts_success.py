"""Success that is none: what ends well by its looks alone publishes nothing and restores nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, BackupError, StatementFailed, ToolFailed
from python_backup.instance import Instance, Tools
from python_backup.jobs.verify import verify_artifact
from python_backup.model import Format
from support import databases
from support.jobs import backed_up, copied, facts, restored, with_options
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]


@pytest.fixture
def shop(any_server: RunningServer, new_database: Name) -> str:
    return filled(any_server, new_database)


def filled(server: RunningServer, new_database: Name) -> str:
    name = new_database(server, "shop")
    text = "repeat('x', 1000)" if server.family == "postgresql" else "REPEAT('x', 1000)"
    databases.execute(
        server, name, "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)",
        "INSERT INTO t VALUES " + ",".join(f"({n}, {text})" for n in range(3000)),
    )  # fmt: skip
    return name


def behind(server: RunningServer, folder: Path, script: str) -> Instance:
    """The instance with a dump program that the script stands for; ``$REAL`` is the true one."""
    names = {"postgresql": ["pg_dump"], "mariadb": ["mariadb-dump"], "mysql": ["mysqldump"]}[server.dbms]
    folder.mkdir()
    for name in names:
        real = Path(server.bin) / name if (Path(server.bin) / name).exists() else shutil.which(name)
        program = folder / name
        program.write_text(
            f"#!/bin/bash\nREAL={real}\n"
            f'for given in "$@"; do case $given in --version|--help) exec $REAL "$@";; esac; done\n{script}\n'
        )
        program.chmod(0o755)
    return replace(instance_for(server), tools=Tools(path=folder))


ENDINGS = {
    "truncated, exit status 0": '$REAL "$@" | head -c 1000000; exit 0',
    "whole, exit status 1": '$REAL "$@"; exit 1',
    "killed midway": '$REAL "$@" | head -c 1000000; kill -9 $$',
    "nothing at all": "exit 0",
}


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("stored", [Format.NONE, Format.GZIP])
def test_a_dump_that_did_not_end_well_publishes_nothing(
    dbms_server: RunningServer, new_database: Name, tmp_path: Path, how: str, stored: Format
) -> None:
    shop = filled(dbms_server, new_database)
    instance = behind(dbms_server, tmp_path / "bin", ENDINGS[how])
    result = backed_up(instance, shop, tmp_path / "backups", stored)
    assert (result.outcome, type(result.error)) == ("failed", ToolFailed)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_dump_that_takes_too_long_is_ended_with_its_children_and_publishes_nothing(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    shop, late = filled(family_server, new_database), tmp_path / "late"
    instance = behind(
        family_server, tmp_path / "bin", f'$REAL "$@"; (trap "" TERM; sleep 4; touch {late}) & wait'
    )
    result = backed_up(instance, shop, tmp_path / "backups", timeout=2)
    assert (result.outcome, type(result.error)) == ("failed", ToolFailed)
    time.sleep(3)
    assert (late.exists(), list((tmp_path / "backups").iterdir())) == (False, [])


def test_an_error_that_the_tool_survived_makes_the_backup_partial_although_the_trailer_is_there(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(mysql_server, "shop")
    databases.execute(
        mysql_server, name, "CREATE TABLE t (id INT)", "CREATE TABLE u (id INT)", "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT id FROM u", "DROP TABLE u",
    )  # fmt: skip
    result = backed_up(instance_for(mysql_server), name, tmp_path, Format.NONE)
    assert result.path is not None
    assert b"-- Dump completed" in result.path.read_bytes()
    assert (result.outcome, facts(result).rows) == ("partial", 1)
    assert result.manifest is not None
    assert [error for error in result.manifest.errors if "v" in error] != []


@pytest.mark.parametrize("option", ["--skip-comments", "--compact"])
def test_without_the_trailer_a_dump_is_not_believed(
    mysql_server: RunningServer, new_database: Name, tmp_path: Path, option: str
) -> None:
    name = new_database(mysql_server, "shop")
    databases.execute(mysql_server, name, "CREATE TABLE t (id INT)")
    result = backed_up(with_options(instance_for(mysql_server), option), name, tmp_path)
    assert (result.outcome, list(tmp_path.iterdir())) == ("failed", [])
    assert option in (result.error.hint or "" if result.error else "")


def test_what_stands_behind_the_trailer_does_not_hide_it(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    name = new_database(postgresql_server, "shop")
    databases.execute(postgresql_server, name, "CREATE TABLE t (id int)")
    result = backed_up(instance_for(postgresql_server), name, tmp_path, Format.NONE)
    assert result.path is not None
    whole = result.path.read_bytes()
    foreign = tmp_path / "foreign.sql"
    body = whole.rpartition(b"-- PostgreSQL database dump complete")[0]
    for end in (b"\n--\n\n", b"\n--\n\n\\unrestrict abc\n\n"):
        foreign.write_bytes(body + b"-- PostgreSQL database dump complete" + end)
        assert verify_artifact(foreign, Silence()).good
    foreign.write_bytes(body)
    assert not verify_artifact(foreign, Silence()).good


@pytest.mark.parametrize("manifest", [True, False])
def test_a_dump_cut_inside_its_data_restores_nothing(
    any_server: RunningServer, shop: str, new_database: Name, tmp_path: Path, manifest: bool
) -> None:
    result = backed_up(instance_for(any_server), shop, tmp_path, Format.NONE)
    assert result.path is not None
    cut = result.path if manifest else tmp_path / "foreign.sql"
    cut.write_bytes(result.path.read_bytes()[:1_500_000])
    target = new_database(any_server, "copy", create=False)
    with pytest.raises(ArtifactCorrupt):
        restored(instance_for(any_server), cut, target)
    assert target not in _databases(any_server)


def test_a_statement_that_fails_late_leaves_no_target(
    any_server: RunningServer, shop: str, new_database: Name, tmp_path: Path
) -> None:
    result = backed_up(instance_for(any_server), shop, tmp_path, Format.NONE)
    assert result.path is not None
    broken = tmp_path / "foreign.sql"
    trailer = (
        b"\n--\n-- PostgreSQL database dump complete"
        if any_server.family == "postgresql"
        else b"\n-- Dump completed"
    )
    broken.write_bytes(
        result.path.read_bytes().replace(trailer, b"\nINSERT INTO nowhere VALUES (1);\n" + trailer)
    )
    target = new_database(any_server, "copy", create=False)
    with pytest.raises(StatementFailed, match="nowhere"):
        restored(instance_for(any_server), broken, target)
    assert target not in _databases(any_server)


def test_the_transaction_of_a_large_object_does_not_end_the_restores(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    source, target = new_database(postgresql_server), new_database(postgresql_server, create=False)
    databases.execute(
        postgresql_server, source, "SELECT lo_from_bytea(7, decode(repeat('00ff5c27', 50000), 'hex'))",
        "SELECT lo_from_bytea(8, '')", "CREATE TABLE t (id int)",
    )  # fmt: skip
    report = copied(instance_for(postgresql_server), source, target, tmp_path)
    assert report.changes.counts["transaction command left out"] >= 2
    question = "SELECT md5(lo_get(7)), length(lo_get(7)), length(lo_get(8))"
    assert databases.rows(postgresql_server, target, question) == databases.rows(
        postgresql_server, source, question
    )
    broken = tmp_path / "foreign.sql"
    whole = backed_up(instance_for(postgresql_server), source, tmp_path, Format.NONE).path
    assert whole is not None
    broken.write_bytes(
        whole.read_bytes().replace(
            b"\n--\n-- PostgreSQL database dump complete",
            b"\nSELECT 1/0;\n--\n-- PostgreSQL database dump complete",
        )
    )
    late = new_database(postgresql_server, create=False)
    with pytest.raises(BackupError, match="zero"):
        restored(instance_for(postgresql_server), broken, late)
    assert late not in _databases(postgresql_server)


def _databases(server: RunningServer) -> list[str]:
    question = "SELECT datname FROM pg_database" if server.family == "postgresql" else "SHOW DATABASES"
    return [name for (name,) in databases.rows(server, None, question)]
