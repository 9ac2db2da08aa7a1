"""A backup of a database that lost rows is kept and marked, and never a measure for the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.backups import latest_of_each, list_backups
from python_backup.jobs.results import DatabaseResult
from python_backup.model import MANIFEST, Format
from python_backup.policy.anomalies import Expectation
from python_backup.storage.folder import manifest_of
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence


def test_a_backup_that_shrank_is_suspect_until_it_is_accepted(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    database = new_database(family_server, "shop")
    rows = ",".join(f"({n})" for n in range(10))
    databases.execute(
        family_server, database, "create table users (id int)", f"insert into users values {rows}"
    )
    users = "public.users" if family_server.family == "postgresql" else "users"
    request = BackupRequest(
        (instance_for(family_server),), (database,), tmp_path, Format.ZSTD,
        expect=lambda _instance, _database: Expectation(max_shrink=0.3, min_rows={"users": 1}),
    )  # fmt: skip

    def taken(asked: BackupRequest = request) -> DatabaseResult:
        (result,) = back_up(asked, Silence(), lambda: datetime.now(UTC))
        assert result.manifest is not None
        return result

    good = taken()
    databases.execute(family_server, database, "delete from users where id < 5")
    suspect, again = taken(), taken()
    assert [result.outcome for result in (good, suspect, again)] == ["done", "suspect", "suspect"]
    assert suspect.path is not None
    told = "5 rows, 10 in the last good backup: 50% less; max_shrink is 30%"
    kept = manifest_of(suspect.path)
    assert kept is not None
    assert kept.suspect == {users: told}
    assert json.loads(Path(f"{suspect.path}{MANIFEST}").read_bytes())["suspect"] == {users: told}
    (latest,) = latest_of_each(list_backups(tmp_path))
    assert latest.path == good.path

    accepted = replace(request, expect=lambda *_: Expectation(min_rows={"users": 1}, accepted=True))
    assert [taken(accepted).outcome, taken().outcome] == ["done", "done"]
    databases.execute(family_server, database, "delete from users")
    emptied = taken(accepted).manifest
    assert emptied is not None
    assert emptied.suspect == {users: "0 rows; min_rows is 1"}
    assert (emptied.accepted, kept.accepted) == (True, False)
