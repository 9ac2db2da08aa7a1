"""Programs whose definers may come from any host: ``'app'@'%'``, as most do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.restore import RestoreRequest, restore
from support import databases
from support.jobs import backed_up
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
