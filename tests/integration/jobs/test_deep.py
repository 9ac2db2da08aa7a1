"""A deep look at artifacts of real servers: a good one stays good whatever it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from integration.engines.mysql import everything
from python_backup.jobs.deep import TableState
from python_backup.jobs.verify import verify_artifact
from python_backup.manifest import dump_manifest
from python_backup.model import Format
from python_backup.storage.folder import manifest_of
from support import databases, shop
from support.jobs import backed_up, with_options
from support.pg_trips import script
from support.servers import RunningServer, instance_for
from support.silence import Silence

SCRIPT = Path(__file__).parents[1] / "engines" / "postgresql" / "everything.sql"
ROW_BY_ROW = {"postgresql": ("--inserts",), "mysql": ("--skip-extended-insert", "--complete-insert")}


def fill(server: RunningServer, database: str) -> None:
    if server.family == "postgresql":
        databases.execute(server, database, script(SCRIPT, server.major[0]))
    else:
        everything.build(server, database)


@pytest.mark.parametrize("row_by_row", [False, True])
def test_the_backup_of_everything_is_good_in_every_table_row_and_statement(
    dbms_server: RunningServer, new_database: Callable[..., str], tmp_path: Path, *, row_by_row: bool
) -> None:
    database = new_database(dbms_server, "every thing")
    fill(dbms_server, database)
    options = ROW_BY_ROW[dbms_server.family] if row_by_row else ()
    result = backed_up(with_options(instance_for(dbms_server), *options), database, tmp_path)
    assert result.path is not None, result.error
    report = verify_artifact(result.path, Silence(), deep=True)
    assert [check for check in report.checks if check.ok is not True] == []
    assert {table.state for table in report.tables} == {TableState.SAME}
    assert [table.fault for table in report.tables if table.fault] == []
    assert all(kind.equal for kind in report.objects)


def test_a_row_changed_behind_the_checksums_back_is_named_by_its_table(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(family_server, "shop")
    shop.build(family_server, database)
    result = backed_up(instance_for(family_server), database, tmp_path, Format.NONE)
    assert result.path is not None
    content, manifest = result.path.read_bytes(), manifest_of(result.path)
    assert manifest is not None
    (name, *_), *_ = databases.rows(family_server, database, "select name from employee")
    head = b"COPY public.employee" if family_server.family == "postgresql" else b"INSERT INTO `employee`"
    where = content.index(name.encode(), content.index(head))
    changed = content[:where] + bytes([content[where] ^ 1]) + content[where + 1 :]
    result.path.write_bytes(changed)
    digest = hashlib.sha256(changed).hexdigest()
    artifact = replace(manifest.artifact, sha256=digest, raw_sha256=digest)
    beside = result.path.with_name(result.path.name + ".manifest.json")
    beside.write_bytes(dump_manifest(replace(manifest, artifact=artifact)))

    report = verify_artifact(result.path, Silence(), deep=True)
    assert [check.name for check in report.checks if check.ok is False] == ["facts"]
    (wrong,) = (table for table in report.tables if not table.good)
    assert (wrong.table.removeprefix("public."), wrong.state) == ("employee", TableState.DIFFERS)
    assert wrong.expected == wrong.found
