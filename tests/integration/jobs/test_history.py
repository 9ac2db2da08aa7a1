"""The history of system-versioned tables on a MariaDB that takes none from a dump (before 10.11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.mysql.tools import Toolbox
from python_backup.errors import Refused, ToolMissing
from python_backup.instance import Dbms, Tools
from python_backup.jobs.in_place import Safety
from python_backup.jobs.plan import Verdict, plan
from python_backup.jobs.restore import RestoreRequest, restore
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence

OPTION = "dump-history"
TABLES = (
    "create table priced (id int primary key, price int) with system versioning",
    "insert into priced values (1, 10), (2, 20)",
    """create table own (id int primary key, s timestamp(6) generated always as row start,
       e timestamp(6) generated always as row end, period for system_time (s, e)) with system versioning""",
    "insert into own (id) values (1)",
)
HISTORY = ("update priced set price = 11 where id = 1", "delete from own")
ROWS = {"priced": 3, "own": 1}

pytestmark = pytest.mark.mariadb_before(10, 11)


def now() -> datetime:
    return datetime.now(UTC)


def test_tables_without_history_are_dumped_whole(older: RunningServer, new_database, tmp_path: Path) -> None:
    shop = new_database(older, "shop")
    databases.execute(older, shop, *TABLES)
    result = backed_up(instance_for(older), shop, tmp_path)
    assert result.manifest is not None
    assert (result.manifest.errors, result.manifest.facts.rows) == ((), 3)


def test_its_own_program_leaves_history_out_and_the_backup_is_partial(
    older: RunningServer, new_database, tmp_path: Path
) -> None:
    own = instance_for(older)
    if OPTION in Toolbox(own.tools).choose(Dbms.MARIADB, older.major[:2], OPTION).options:
        pytest.skip("the server's own programs dump history")
    shop = new_database(older, "shop")
    databases.execute(older, shop, *TABLES, *HISTORY)
    result = backed_up(own, shop, tmp_path)
    assert result.manifest is not None
    assert "dumps no history of system-versioned tables" in result.manifest.errors[0]


def test_a_later_program_of_the_machine_dumps_it(older: RunningServer, new_database, tmp_path: Path) -> None:
    machine = replace(instance_for(older), tools=Tools())
    try:
        tool = Toolbox(machine.tools).choose(Dbms.MARIADB, older.major[:2], OPTION)
    except ToolMissing as exc:
        pytest.skip(exc.message)
    if OPTION not in tool.options:
        pytest.skip("no mariadb-dump of 10.11 or later is on this machine")
    shop = new_database(older, "shop")
    databases.execute(older, shop, *TABLES, *HISTORY)
    result = backed_up(machine, shop, tmp_path)
    assert result.manifest is not None
    assert (result.manifest.errors, {t.name: t.rows for t in result.manifest.facts.tables}) == ((), ROWS)


def test_a_database_whose_history_no_safety_backup_could_put_back_is_not_replaced_in_place(
    older: RunningServer, new_database, tmp_path: Path
) -> None:
    shop = new_database(older, "shop")
    databases.execute(older, shop, *TABLES)
    path = backed_up(instance_for(older), shop, tmp_path).path
    assert path is not None
    databases.execute(older, shop, *HISTORY)
    request = RestoreRequest(
        path, instance_for(older), shop, force=True, in_place=True, safety=Safety(tmp_path / "safety")
    )

    made = plan(request, Silence(), now)
    why = [finding.text for finding in made.findings if finding.kind == "safety"]
    assert made.verdict is Verdict.BLOCKED
    assert any("takes the history of no table from a dump: own, priced" in text for text in why), why
    with pytest.raises(Refused, match="takes the history of no table from a dump"):
        restore(request, lambda _: False, Silence(), now)
    sql = "select count(*) from {} for system_time all"
    assert {n: databases.scalar(older, shop, sql.format(databases.quoted(older, n))) for n in ROWS} == ROWS
