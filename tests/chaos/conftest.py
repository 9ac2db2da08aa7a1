from __future__ import annotations

import pytest

from support.programs import found_programs, one_of_each
from support.stoppable import lone_server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "victim" in metafunc.fixturenames:
        found = found_programs()
        if metafunc.config.getoption("--servers") == "one":
            found = one_of_each(found)
        newest = {program.dbms: program for program in found}
        metafunc.parametrize("victim", newest.values(), ids=newest, indirect=True, scope="module")


@pytest.fixture(scope="module")
def victim(request: pytest.FixtureRequest):
    """A server of this test alone: the newest PostgreSQL, MySQL and MariaDB in turn."""
    with lone_server(request.param) as one:
        yield one
