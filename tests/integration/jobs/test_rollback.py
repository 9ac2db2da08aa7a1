"""What a restore replaced is put back, and put back again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.rollback import roll_back
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence


def test_two_rollbacks_in_the_second_of_their_restore_return_to_where_one_was(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    second = datetime.now(UTC)
    instance, shop = instance_for(family_server), new_database(family_server, "shop")
    databases.execute(family_server, shop, "create table a (x int primary key)", "insert into a values (1)")
    (result,) = back_up(BackupRequest((instance,), (shop,), tmp_path, Format.ZSTD), Silence(), lambda: second)
    assert result.path is not None
    databases.execute(family_server, shop, "insert into a values (2)")
    request = RestoreRequest(result.path, instance, shop, force=True)
    restore(request, lambda _: False, Silence(), lambda: second)

    found = [databases.scalar(family_server, shop, "select count(*) from a")]
    for _ in range(3):
        roll_back(instance, shop, lambda: second)
        found.append(databases.scalar(family_server, shop, "select count(*) from a"))
    assert found == [1, 2, 1, 2]
