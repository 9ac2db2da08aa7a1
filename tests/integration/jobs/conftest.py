"""Servers of one test alone, for tests that look at all that a server has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.programs import found_programs, one_of_each
from support.servers import RunningServer
from support.stoppable import lone_server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "private_server" in metafunc.fixturenames:
        found = found_programs()
        if metafunc.config.getoption("--servers") == "one":
            found = one_of_each(found)
        ids = [program.id for program in found]
        metafunc.parametrize("private_server", found, ids=ids, indirect=True, scope="module")


@pytest.fixture(scope="module")
def private_server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Each server in turn, started for this test: no other test makes databases or accounts on it."""
    with lone_server(request.param) as one:
        yield one.server
