"""Targets whose tables cannot be moved: filled where they stand, behind a safety backup (MySQL, MariaDB)."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.jobs.test_in_place import DUMPS, backed_up, beside, config_for
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, Refused, StatementFailed
from python_backup.instance import Instance
from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.plan import Verdict, plan
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.rollback import roll_back, settle
from support import databases
from support.dying import run_to_step
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
CHANGES = 2
"""Calls by which such a restore changes the server, as `support.dying` counts: emptied, filled."""

TARGET = (
    "create table item (id int primary key, name varchar(20))",
    "insert into item values (1, 'one'), (2, 'two'), (3, 'three')",
    "create table plain (id int) engine=MyISAM",
    "create view names as select name from item",
    "create trigger g before insert on item for each row set new.name = upper(new.name)",
    "create procedure p() select 1",
    "create event tick on schedule every 1 year starts '2037-01-01' enable do select 1",
)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Standing:
    """A target that a foreign key of another database holds; its backup has three items, it has two now."""

    server: RunningServer
    target: str
    other: str
    path: Path
    root: Path

    @property
    def instance(self) -> Instance:
        return instance_for(self.server)

    @property
    def place(self) -> InPlace:
        return InPlace(self.instance, Safety(self.root / "backups" / "safety"), Silence(), now)

    def request(self, path: Path | None = None, *, in_place: bool | None = None) -> RestoreRequest:
        safety = self.place.safety
        return RestoreRequest(
            path or self.path, self.instance, self.target, force=True, in_place=in_place, safety=safety
        )

    def restore(self, path: Path | None = None) -> RestoreReport:
        return restore(self.request(path), lambda _: False, Silence(), now)

    def items(self) -> int:
        return int(databases.scalar(self.server, self.target, "select count(*) from names"))

    def whole(self) -> None:
        """Every kind of object is there, the event runs, the foreign key holds, nothing else is left."""
        for table, column in (("triggers", "trigger"), ("routines", "routine"), ("events", "event")):
            sql = f"select count(*) from information_schema.{table} where {column}_schema = '{self.target}'"
            assert databases.scalar(self.server, None, sql) == 1, table
        status = f"select status from information_schema.events where event_schema = '{self.target}'"
        assert databases.scalar(self.server, None, status) == "ENABLED"
        tables = {name for (name,) in databases.rows(self.server, self.target, "show tables")}
        assert tables == {"item", "plain", "names"}
        with pytest.raises(Exception, match="foreign key constraint fails"):
            databases.execute(self.server, self.other, "insert into mine values (99)")
        assert beside(self.server, self.target) == []
        assert not list(self.place.safety.folder.glob("*.in-place.json"))


@pytest.fixture
def standing(mysql_server: RunningServer, new_database: Name, tmp_path: Path) -> Iterator[Standing]:
    shop, other = new_database(mysql_server, "shop"), new_database(mysql_server, "other")
    databases.execute(mysql_server, shop, *TARGET)
    path = backed_up(instance_for(mysql_server), tmp_path, shop)
    databases.execute(mysql_server, shop, "delete from item where id = 3")
    databases.execute(
        mysql_server, other,
        "create table mine (item int, constraint afar foreign key (item)"
        f" references {databases.quoted(mysql_server, shop)}.item (id))",
        "insert into mine values (1)",
    )  # fmt: skip
    yield Standing(mysql_server, shop, other, path, tmp_path)
    databases.drop(mysql_server, other)  # before the target: its foreign key is in the way


def test_it_is_filled_where_it_stands_and_rolled_back_from_its_safety_backup(standing: Standing) -> None:
    report = standing.restore()

    assert (report.taken_over, report.equal, report.before, standing.items()) == (True, True, None, 3)
    assert report.safety is not None
    assert any("was filled in place: " in text and "foreign key 'afar'" in text for text in report.warnings)
    standing.whole()

    back = roll_back(standing.instance, standing.target, now, place=standing.place)
    assert (back.restored, standing.items()) == (str(report.safety), 2)
    standing.whole()
    again = roll_back(standing.instance, standing.target, now, place=standing.place)
    assert (again.restored, standing.items()) == (back.before, 3)


def test_the_plan_tells_of_it_and_an_option_forbids_it(standing: Standing) -> None:
    made = plan(standing.request(), Silence(), now)
    assert (made.in_place, made.before) == (True, None)
    assert made.verdict is not Verdict.BLOCKED
    assert any(f.kind == "in_place" and "behind a safety backup" in f.text for f in made.findings)

    forbidden = standing.request(in_place=False)
    assert plan(forbidden, Silence(), now).verdict is Verdict.BLOCKED
    with pytest.raises(Refused, match=r"cannot be replaced by moving its tables: .*the foreign key 'afar'"):
        restore(forbidden, lambda _: False, Silence(), now)
    assert standing.items() == 2


def test_a_dump_that_fails_half_way_is_answered_by_the_safety_backup(standing: Standing) -> None:
    broken = standing.root / "broken.sql"
    broken.write_text(DUMPS["mysql"].format("CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);"))
    with pytest.raises(StatementFailed) as caught:
        standing.restore(broken)
    assert f"{standing.target} was put back from its safety backup" in caught.value.message
    assert standing.items() == 2
    standing.whole()
    with pytest.raises(Refused, match="held before is kept on instance"):
        roll_back(standing.instance, standing.target, now, place=standing.place)


def test_others_who_use_it_are_left_in_peace(standing: Standing) -> None:
    with (
        closing(databases.connection(standing.server, standing.target)),
        pytest.raises(Refused, match="in use"),
    ):
        standing.restore()
    assert standing.items() == 2


def test_a_run_that_is_killed_amid_it_is_told_and_mended(standing: Standing) -> None:
    config = standing.root / "config.yaml"
    config.write_text(config_for(standing.server, standing.root / "backups"))
    words = ["restore", "--config", config, "-f", standing.path, "-i", "1", "-t", standing.target, "--force"]
    ends = []
    for step in range(1, CHANGES + 2):
        ends.append(run_to_step(step, *words))
        if ends[-1] == -signal.SIGKILL:
            with pytest.raises(BackupError) as caught:
                standing.restore()
            assert "what it held is in" in caught.value.message
            done = settle(standing.instance, standing.target, standing.place)
            assert any("was put back from its safety backup" in text for text in done)
            assert standing.items() == 2
            standing.whole()
    assert (ends, standing.items()) == ([-signal.SIGKILL] * CHANGES + [0], 3)


def test_a_half_filled_target_whose_safety_backup_is_elsewhere_is_told(
    standing: Standing, tmp_path: Path
) -> None:
    elsewhere = InPlace(standing.instance, Safety(tmp_path / "elsewhere"), Silence(), now)
    with closing(ENGINES[standing.instance.dbms].connect(standing.instance)) as server:
        server.empty(standing.target, "/b/x.sql.zst", disconnect=False)
        assert "was ended before it was filled" in (server.unfinished(standing.target) or "")
    with pytest.raises(Refused, match=r"and not filled again; what it held is in /b/x\.sql\.zst"):
        settle(standing.instance, standing.target, elsewhere)
