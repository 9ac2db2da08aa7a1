from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.chance import SEED
from support.programs import found_programs, one_of_each
from support.stoppable import lone_server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "victim" in metafunc.fixturenames:
        found = found_programs()
        if metafunc.config.getoption("--servers") == "one":
            found = one_of_each(found)
        newest = {program.dbms: program for program in found}
        metafunc.parametrize("victim", newest.values(), ids=newest, indirect=True, scope="module")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Says with whatever fails how its moments come again; where a server does not start, no assertion does."""
    report = yield
    if report.failed:
        report.sections.append(("chaos", f"VYA_CHAOS_SEED={SEED} gives these moments again"))
    return report


@pytest.fixture(scope="module")
def victim(request: pytest.FixtureRequest):
    """A server of this test alone: the newest PostgreSQL, MySQL and MariaDB in turn."""
    with lone_server(request.param) as one:
        yield one
