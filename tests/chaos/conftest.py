from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from support.programs import Program, found_programs, one_of_each
from support.stoppable import stoppable


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
    program: Program = request.param
    place = Path(tempfile.mkdtemp(prefix="vyac-", dir="/tmp"))  # a socket's path has 107 bytes
    place.chmod(0o755)
    try:
        with stoppable(program, place / program.id) as one:
            yield one
    finally:
        shutil.rmtree(place, ignore_errors=True)
