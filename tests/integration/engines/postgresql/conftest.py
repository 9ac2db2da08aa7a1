from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from integration.engines.postgresql.swapping import Trio, accounts
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


@pytest.fixture
def trio(postgresql_server, new_database):
    def make(name: str = "t") -> Trio:
        ending = uuid.uuid4().hex[:6]
        names = [f"{name}{ending}{mark}" for mark in ("", "__new", "__before")]
        for place, held in enumerate(("old", "new", None)):
            new_database(postgresql_server, names[place], exact=True, create=held is not None)
            if held:
                databases.execute(
                    postgresql_server, names[place], f"CREATE TABLE held AS SELECT '{held}' AS a"
                )
        return Trio(postgresql_server, *names)

    return make


@pytest.fixture
def roles(postgresql_server):
    with accounts(postgresql_server) as quoted:
        yield quoted
