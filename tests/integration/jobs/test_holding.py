"""One run at a time works on a target, and one that was killed is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from python_backup.engines.table import ENGINES
from python_backup.errors import Refused
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.jobs.rollback import roll_back, settle
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def connected(server: RunningServer) -> Iterator[Any]:
    instance = instance_for(server)
    with closing(ENGINES[instance.dbms].connect(instance)) as link:
        yield link


def test_a_target_that_a_run_works_on_is_left_alone_by_all_others(
    family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    instance, shop = instance_for(family_server), new_database(family_server, "shop")
    fresh = f"{shop}__restoring_20260113_155440"
    databases.execute(family_server, shop, "create table a (x int primary key)")
    (result,) = back_up(BackupRequest((instance,), (shop,), tmp_path, Format.ZSTD), Silence(), now)
    assert result.path is not None
    request = RestoreRequest(result.path, instance, shop, force=True)
    with connected(family_server) as running:
        running.hold(shop)
        running.create(fresh, None)
        for run in (
            lambda: settle(instance, shop),
            lambda: roll_back(instance, shop, now),
            lambda: restore(request, lambda _: False, Silence(), now),
        ):
            with pytest.raises(Refused, match=f"another run works on '{shop}' just now"):
                run()
        assert settle(instance, f"{shop}_other") == ()
        assert running.exists(fresh)
    assert settle(instance, shop) == (f"{fresh}, which was never finished, was dropped",)


def test_the_statement_that_a_killed_run_was_at_is_waited_for(
    any_server: RunningServer, new_database: Name
) -> None:
    shop = new_database(any_server, "shop")
    with connected(any_server) as killed, connected(any_server) as settling:
        killed.hold(shop)
        busy = threading.Thread(target=_sleep_and_end, args=(any_server, killed))
        busy.start()
        begun = time.monotonic()
        while not databases.scalar(any_server, None, SLEEPING[any_server.family]):
            assert time.monotonic() < begun + 30
        settling.hold(shop)
        waited = time.monotonic() - begun
        busy.join()
    assert waited > 1


SLEEPING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_catalog.pg_sleep(1.5)'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(1.5)'",
}


def _sleep_and_end(server: RunningServer, killed: Any) -> None:
    """As a server does whose client is gone: the statement comes to its end, a moment later the session."""
    if server.family == "postgresql":
        killed._ask(b"SELECT pg_catalog.pg_sleep(1.5)")
    else:
        killed._session.rows("SELECT SLEEP(1.5)")
    time.sleep(0.3)
    killed.close()


def test_a_connection_that_was_lost_takes_its_target_anew(
    any_server: RunningServer, new_database: Name
) -> None:
    shop = new_database(any_server, "shop")
    with connected(any_server) as running:
        running.hold(shop)
        _cut(any_server, running)
        assert running.exists(shop)
        with connected(any_server) as other, pytest.raises(Refused, match="another run works"):
            other.hold(shop)


def test_a_connection_that_was_lost_is_of_no_use_when_another_took_its_target(
    family_server: RunningServer, new_database: Name
) -> None:
    shop = new_database(family_server, "shop")
    with connected(family_server) as running:
        running.hold(shop)
        _cut(family_server, running)
        with connected(family_server) as other:
            other.hold(shop)
            with pytest.raises(Refused, match="another run works"):
                running.drop(shop)
    assert shop in databases.names(family_server)


def _cut(server: RunningServer, running: Any) -> None:
    if server.family == "postgresql":
        pid = running._door.pgconn.backend_pid
        databases.rows(server, None, f"SELECT pg_terminate_backend({pid}, 5000)" if _waits(running)
                       else f"SELECT pg_terminate_backend({pid}), pg_sleep(0.5)")  # fmt: skip
    else:
        databases.execute(server, None, f"KILL {running._link.value('SELECT CONNECTION_ID()')}")


def _waits(running: Any) -> bool:
    return running._major >= 14


def test_a_target_that_is_a_door_of_the_server_is_held_too(postgresql_server: RunningServer) -> None:
    with connected(postgresql_server) as running:
        running.hold("postgres")
        assert running.databases() is not None
        with connected(postgresql_server) as other, pytest.raises(Refused, match="another run works"):
            other.hold("postgres")
