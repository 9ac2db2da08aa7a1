from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from integration.engines.postgresql.swapping import Trio
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
    """Accounts whose names need quotes; what they have is dropped with them."""
    names = [f'{name}" {uuid.uuid4().hex[:6]}' for name in ("Owner", "Reader", "Giver", "Other")]
    quoted = [databases.quoted(postgresql_server, name) for name in names]
    for name in quoted:
        databases.execute(postgresql_server, None, f"CREATE ROLE {name} LOGIN PASSWORD 'p w'")
    yield quoted
    owned = "SELECT datname FROM pg_database WHERE datdba::regrole::text = ANY (%s) OR datacl::text LIKE '%%\" %%'"
    with closing(databases.connection(postgresql_server)) as link:
        for (name,) in link.execute(owned, [quoted]).fetchall():
            link.execute(f"DROP DATABASE {databases.quoted(postgresql_server, name)} WITH (FORCE)")
    for name in quoted:
        databases.execute(postgresql_server, None, f"DROP OWNED BY {name}", f"DROP ROLE {name}")
