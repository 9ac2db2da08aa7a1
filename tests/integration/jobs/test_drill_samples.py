"""Drills of the sample databases: what was restored from them is backed up, drilled, and identical."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_picking import sample
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.drill import DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Format
from python_backup.storage.proofs import Equality, Verdict
from support.servers import RunningServer, instance_for
from support.silence import Silence


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("name", ["northwind", "chinook"])
def test_a_sample_is_proven_identical(
    dbms_server: RunningServer, new_database: Callable[..., str], tmp_path: Path, name: str
) -> None:
    if (name, dbms_server.family) == ("northwind", "mysql"):
        pytest.skip("northwind is there for PostgreSQL alone")
    instance = instance_for(dbms_server)
    database = new_database(dbms_server, name, create=False)
    file = sample(f"{name}-{dbms_server.family}.sql", tmp_path)
    restore(RestoreRequest(file, instance, database), lambda _: True, Silence(), now)
    (result,) = back_up(BackupRequest((instance,), (database,), tmp_path, Format.ZSTD), Silence(), now)
    assert result.path is not None, result.error
    report = drill(
        DrillRequest(result.path, grounds=Grounds(programs=(Path(dbms_server.bin),))), Silence(), now
    )
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert report.equality is Equality.IDENTICAL
