"""A server that runs in a container, with its client programs in there."""

from __future__ import annotations

from collections.abc import Callable

from support import databases
from support.servers import RunningServer


def test_a_server_in_a_container_takes_a_database(
    container_server: RunningServer, new_database: Callable[..., str]
) -> None:
    made = new_database(container_server, "in a container")
    databases.execute(container_server, made, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1), (2)")
    assert databases.rows(container_server, made, "SELECT sum(n) FROM t") == [(3,)]
