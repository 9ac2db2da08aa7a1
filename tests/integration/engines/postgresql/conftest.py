from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from python_backup.engines.postgresql.engine import ENGINE
from support import databases
from support.servers import RunningServer, instance_for


@pytest.fixture
def server(postgresql_server: RunningServer) -> Iterator:
    """The engine's connection to each server in turn, as its superuser over TCP."""
    link = ENGINE.connect(instance_for(postgresql_server))
    yield link
    link.close()


@pytest.fixture
def filled(postgresql_server: RunningServer, new_database) -> Callable[..., str]:
    """Makes a database in which these statements were run."""

    def make(*statements: str, name: str = "t") -> str:
        database = new_database(postgresql_server, name)
        databases.execute(postgresql_server, database, *statements)
        return database

    return make
