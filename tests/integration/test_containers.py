"""A server that runs in a container, with its client programs in there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence


def test_a_server_in_a_container_takes_a_database(
    container_server: RunningServer, new_database: Callable[..., str]
) -> None:
    made = new_database(container_server, "in a container")
    databases.execute(container_server, made, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1), (2)")
    assert databases.rows(container_server, made, "SELECT sum(n) FROM t") == [(3,)]


def test_a_backup_and_its_restore_use_the_programs_in_the_container(
    container_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    made = new_database(container_server, "in a container")
    databases.execute(container_server, made, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1), (2)")
    instance = instance_for(container_server)
    request = BackupRequest(instances=(instance,), databases=(made,), folder=tmp_path, format=Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert (result.error, result.outcome, result.command[:3]) == (None, "done", ("docker", "exec", "-i"))

    target = new_database(container_server, "copy", create=False)
    report = restore(
        RestoreRequest(result.path, instance, target), lambda _: False, Silence(), lambda: datetime.now(UTC)
    )
    assert report.equal
    assert databases.rows(container_server, target, "SELECT sum(n) FROM t") == [(3,)]
