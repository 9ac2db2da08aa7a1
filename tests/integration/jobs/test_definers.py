"""Programs whose definers may come from any host: ``'app'@'%'``, as most do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.restore import RestoreRequest, restore
from support import databases
from support.jobs import backed_up, restored
from support.servers import RunningServer, instance_for
from support.silence import Silence

DEFINER = "DEFINER = 'vya_app'@'%'"


def test_definers_of_any_host_keep_no_dump_from_being_restored(
    mysql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    source, target = new_database(mysql_server, "from"), new_database(mysql_server, "to", create=False)
    databases.execute(
        mysql_server, source,
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES (1), (2)",
        f"CREATE {DEFINER} VIEW v AS SELECT a FROM t",
        f"CREATE {DEFINER} FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
        f"CREATE {DEFINER} PROCEDURE p() SELECT 1",
        f"CREATE {DEFINER} TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        f"CREATE {DEFINER} EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
    )  # fmt: skip
    taken = backed_up(instance_for(mysql_server), source, tmp_path)
    assert taken.path is not None
    request = RestoreRequest(taken.path, instance_for(mysql_server), target=target)
    report = restore(request, lambda _: True, Silence(), lambda: datetime.now(UTC))
    assert (report.equal, report.facts.rows, len(report.facts.objects["routines"])) == (True, 2, 2)


ODD = ("''@'10.9.9.9'", "'q''u`o@x'@'localhost'", "'joe@corp.com'@'10.0.0.%'", "vya_role")
SHOWN = """
SELECT definer, COUNT(*) FROM (
  SELECT definer FROM information_schema.routines WHERE routine_schema = '{0}' UNION ALL
  SELECT definer FROM information_schema.views WHERE table_schema = '{0}' UNION ALL
  SELECT definer FROM information_schema.triggers WHERE trigger_schema = '{0}' UNION ALL
  SELECT definer FROM information_schema.events WHERE event_schema = '{0}') AS x GROUP BY definer ORDER BY definer
"""


def test_odd_accounts_and_roles_stay_definers_of_every_kind(
    mysql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    source, target = new_database(mysql_server, "from"), new_database(mysql_server, "to", create=False)
    accounts = ODD[:-1]
    databases.execute(mysql_server, None, *(f"CREATE USER IF NOT EXISTS {account}" for account in accounts))
    databases.execute(mysql_server, None, f"CREATE ROLE IF NOT EXISTS {ODD[-1]}")
    try:
        for n, account in enumerate(ODD):
            databases.execute(
                mysql_server, source, f"CREATE TABLE t{n} (a INT)",
                f"CREATE DEFINER = {account} VIEW v{n} AS SELECT 1 AS a",
                f"CREATE DEFINER = {account} PROCEDURE p{n}() SELECT 1",
                f"CREATE DEFINER = {account} TRIGGER r{n} BEFORE INSERT ON t{n} FOR EACH ROW SET NEW.a = 1",
                f"CREATE DEFINER = {account} EVENT e{n} ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
            )  # fmt: skip
        taken = backed_up(instance_for(mysql_server), source, tmp_path)
        report = restored(instance_for(mysql_server), taken.path, target)
        found = [databases.rows(mysql_server, None, SHOWN.format(name)) for name in (source, target)]
    finally:
        databases.execute(mysql_server, None, *(f"DROP USER {account}" for account in accounts))
        databases.execute(mysql_server, None, f"DROP ROLE {ODD[-1]}")
    assert found[0] == found[1]
    assert sum(count for _, count in found[0]) == 4 * len(ODD)
    assert not [warning for warning in report.warnings if "definer" in warning]
