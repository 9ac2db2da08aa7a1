"""A session that an administrator ends, at whatever statement of whatever work: an error of the program's own.

Some statements of each are taken by chance, with ``VYA_CHAOS`` as many; ``VYA_CHAOS_SEED`` repeats them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_in_place import config_for
from python_backup.config.load import load
from python_backup.errors import BackupError
from python_backup.instance import Instance, Retry
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.drill import DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.jobs.health.doctor import examine
from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.merge import MergeRequest, merge
from python_backup.jobs.plan import plan
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.rollback import roll_back, settle
from python_backup.model import Format
from support import databases
from support.chance import SEED
from support.ending import ending
from support.servers import RunningServer, instance_for
from support.silence import Silence

MOMENTS = int(os.environ.get("VYA_CHAOS", "2"))

TABLES = {
    "postgresql": (
        "CREATE TABLE item (id serial PRIMARY KEY, name varchar(20))",
        "INSERT INTO item (name) SELECT 'name ' || n FROM generate_series(1, 300) n",
        "CREATE INDEX by_name ON item (name)",
        "CREATE TABLE part (id int PRIMARY KEY, item int REFERENCES item (id))",
        "CREATE VIEW names AS SELECT name FROM item",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end'",
        "CREATE TRIGGER g BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION f()",
    ),
    "mysql": (
        "CREATE TABLE item (id int PRIMARY KEY AUTO_INCREMENT, name varchar(20))",
        "INSERT INTO item (name) VALUES " + ",".join(f"('name {n}')" for n in range(300)),
        "CREATE INDEX by_name ON item (name)",
        "CREATE TABLE part (id int PRIMARY KEY, item int, FOREIGN KEY (item) REFERENCES item (id))",
        "CREATE VIEW names AS SELECT name FROM item",
        "CREATE TRIGGER g BEFORE INSERT ON item FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DO SELECT 1",
    ),
}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Stage:
    """A database of 299 items, and its backup of 300."""

    server: RunningServer
    shop: str
    file: Path

    @property
    def instance(self) -> Instance:
        return replace(instance_for(self.server), retry=Retry(attempts=1))

    @property
    def place(self) -> InPlace:
        return InPlace(self.instance, Safety(self.file.parent / "safety"), Silence(), now)

    @property
    def request(self) -> RestoreRequest:
        return RestoreRequest(
            self.file, self.instance, self.shop, force=True, safety=self.place.safety, jobs=2
        )

    def items(self) -> int:
        return int(databases.scalar(self.server, self.shop, "SELECT count(*) FROM names"))

    def restore(self, request: RestoreRequest) -> None:
        restore(request, lambda _: False, Silence(), now)


@pytest.fixture
def stage(dbms_server: RunningServer, new_database: Callable[..., str], tmp_path: Path) -> Iterator[Stage]:
    shop = new_database(dbms_server, "shop")
    databases.execute(dbms_server, shop, *TABLES[dbms_server.family])
    request = BackupRequest((instance_for(dbms_server),), (shop,), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), now)
    assert result.path is not None
    databases.execute(dbms_server, shop, "DELETE FROM item WHERE id = 7")
    yield Stage(dbms_server, shop, result.path)
    for name in databases.names(dbms_server):
        if name.startswith(f"{shop}_"):
            databases.drop(dbms_server, name)


def _backup(stage: Stage) -> None:
    request = BackupRequest((stage.instance,), (stage.shop,), stage.file.parent / "more", Format.ZSTD)
    for result in back_up(request, Silence(), now):
        if result.error is not None:
            raise result.error


def _doctor(stage: Stage) -> None:
    config = stage.file.parent / "config.yaml"
    config.write_text(config_for(stage.server, stage.file.parent / "backups"))
    config.chmod(0o600)
    assert list(examine(load(config, {}), (stage.instance,), now, ()))


def _drill(stage: Stage) -> None:
    ci = replace(stage.instance, id="ci")
    drill(DrillRequest(stage.file, grounds=Grounds("ci", scratch=(ci,))), Silence(), now)


def _rolled_back(stage: Stage) -> None:
    roll_back(stage.instance, stage.shop, now, place=stage.place)


def _merged(stage: Stage) -> None:
    merge(MergeRequest(stage.file, stage.instance, "replace", target=stage.shop), Silence())


def _anew(stage: Stage) -> None:
    databases.drop(stage.server, f"{stage.shop}_anew")
    stage.restore(replace(stage.request, target=f"{stage.shop}_anew"))


WORKS: dict[str, Callable[[Stage], object]] = {
    "backup": _backup,
    "plan": lambda stage: plan(stage.request, Silence(), now),
    "restore": lambda stage: stage.restore(stage.request),
    "restore under a new name": _anew,
    "restore in place": lambda stage: stage.restore(replace(stage.request, in_place=True)),
    "merge": _merged,
    "rollback": _rolled_back,
    "drill": _drill,
    "doctor": _doctor,
    "undo": lambda stage: settle(stage.instance, stage.shop, stage.place),
}


@pytest.mark.sweep
@pytest.mark.timeout(300 + 20 * MOMENTS)
@pytest.mark.parametrize("work", WORKS)
def test_a_session_that_is_ended_amid_any_work_is_an_error_of_the_programs_own(
    stage: Stage, work: str
) -> None:
    stage.restore(stage.request)  # what a rollback puts back
    with ending(stage.server) as all_of_it:
        WORKS[work](stage)
    assert all_of_it.seen > 0
    anew = f"{stage.shop}_anew"
    moments = random.Random(SEED).sample(range(1, all_of_it.seen + 1), min(MOMENTS, all_of_it.seen))
    for at in moments:
        told = f"seed {SEED}: message {at} of {all_of_it.seen}"
        with ending(stage.server, at):
            try:
                WORKS[work](stage)
            except BackupError as exc:
                told += f": {exc.message}"
            except BaseException as exc:
                raise AssertionError(told) from exc
        for target in (stage.shop, anew):
            settle(stage.instance, target, stage.place)
        assert stage.items() in {299, 300}, told
        beside = [name for name in databases.names(stage.server) if name.startswith(stage.shop)]
        assert not [name for name in beside if "__restoring_" in name], told
