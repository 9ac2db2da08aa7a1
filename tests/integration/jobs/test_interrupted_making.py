"""A restore that is interrupted as soon as the server has made the new database: it is not left behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.table import ENGINES
from python_backup.errors import ConnectionFailed
from python_backup.jobs.restore import RestoreRequest, restore
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence


@pytest.mark.parametrize("ending", [KeyboardInterrupt, ConnectionFailed])
def test_a_database_that_was_just_made_is_dropped(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, ending: type[BaseException],
) -> None:  # fmt: skip
    name, instance = new_database(family_server, "shop"), instance_for(family_server)
    databases.execute(family_server, name, "create table t (a int)", "insert into t values (1)")
    path = backed_up(instance, name, tmp_path).path
    assert path is not None
    with closing(ENGINES[instance.dbms].connect(instance)) as server:
        kind = type(server)
    create, before = kind.create, set(databases.names(family_server))

    def made_and_ended(*arguments: object) -> None:
        create(*arguments)  # type: ignore[arg-type]
        raise ending("the answer never came")

    monkeypatch.setattr(kind, "create", made_and_ended)
    with pytest.raises(ending):
        restore(
            RestoreRequest(path, instance, name, force=True),
            lambda _: False,
            Silence(),
            lambda: datetime.now(UTC),
        )
    mine = {n for n in databases.names(family_server) if n.startswith(name)}
    assert mine == {n for n in before if n.startswith(name)}
