"""A new database on MariaDB before 10.6, where a crash amid RENAME TABLE may keep the server from starting again."""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_in_place import DUMPS, backed_up, beside, config_for
from integration.jobs.test_standing import TARGET
from python_backup.engines.table import ENGINES
from python_backup.errors import Refused, StatementFailed
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rollback import settle
from support import databases
from support.dying import run_to_step
from support.servers import RunningServer, instance_for
from support.silence import Silence

CHANGES = 5
"""Calls by which it changes the server, as `support.dying` counts: two made, marked, filled, one dropped."""

pytestmark = pytest.mark.mariadb_before(10, 6)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def artifact(older: RunningServer, new_database, tmp_path: Path) -> Path:
    shop = new_database(older, "shop")
    databases.execute(older, shop, *TARGET)
    return backed_up(instance_for(older), tmp_path, shop)


@pytest.fixture
def fresh(older: RunningServer, new_database) -> str:
    return new_database(older, "fresh", create=False)


def restored(older: RunningServer, path: Path, target: str) -> RestoreReport:
    request = RestoreRequest(path, instance_for(older), target)
    return restore(request, lambda _: False, Silence(), now)


def held(older: RunningServer, database: str) -> tuple:
    with closing(ENGINES["mariadb"].connect(instance_for(older))) as server:
        return dict(server.counts(database)), dict(server.objects(database)), server.unfinished(database)


def renames(older: RunningServer) -> int:
    [(_, number)] = databases.rows(older, None, "SHOW GLOBAL STATUS LIKE 'Com_rename_table'")
    return int(number)


def test_it_is_filled_under_its_own_name_and_no_table_is_moved(
    older: RunningServer, artifact: Path, fresh: str
) -> None:
    before = renames(older)
    report = restored(older, artifact, fresh)
    assert (report.taken_over, report.equal, report.replaced, report.before) == (True, True, False, None)
    assert renames(older) == before
    assert databases.scalar(older, fresh, "SELECT count(*) FROM names") == 3
    tables = {name for (name,) in databases.rows(older, fresh, "SHOW TABLES")}
    assert (tables, beside(older, fresh)) == ({"item", "plain", "names"}, [])


def test_what_fails_amid_it_leaves_nothing(older: RunningServer, fresh: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text(DUMPS["mysql"].format("CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);"))
    with pytest.raises(StatementFailed):
        restored(older, broken, fresh)
    assert [name for name in databases.names(older) if name.startswith(fresh)] == []


def test_a_run_that_is_killed_amid_it_is_told_and_undone(
    older: RunningServer, artifact: Path, fresh: str, tmp_path: Path
) -> None:
    restored(older, artifact, fresh)
    whole = held(older, fresh)
    databases.drop(older, fresh)
    config = tmp_path / "config.yaml"
    config.write_text(config_for(older, tmp_path / "backups"))
    words = ["restore", "--config", config, "-f", artifact, "-i", "1", "-t", fresh]
    ends = []
    for step in range(1, CHANGES + 2):
        ends.append(run_to_step(step, *words))
        if step in {3, 4}:
            with pytest.raises(Refused, match="was not there before, and the run was ended"):
                restored(older, artifact, fresh)
        settle(instance_for(older), fresh)
        assert beside(older, fresh) == [], step
        if step < CHANGES:
            assert fresh not in databases.names(older), step
        else:
            assert held(older, fresh) == whole, step
            databases.drop(older, fresh)
    assert ends == [-signal.SIGKILL] * CHANGES + [0]


def test_a_database_that_holds_something_is_not_dropped_for_what_stands_beside_it(
    older: RunningServer, fresh: str
) -> None:
    left = f"{fresh}__restoring_20260101_000000"
    for name in (fresh, left):
        databases.create(older, name)
    databases.execute(older, fresh, "CREATE TABLE somebodys (a int)")
    settle(instance_for(older), fresh)
    assert (fresh in databases.names(older), beside(older, fresh)) == (True, [])
