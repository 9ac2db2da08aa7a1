"""Which server program a drill takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_backup.engines.program import ServerProgram
from python_backup.engines.scratch import choose_program
from python_backup.errors import ToolMissing
from python_backup.model import Dbms


def program(dbms: Dbms, *number: int) -> ServerProgram:
    return ServerProgram(dbms, ".".join(map(str, number)), number, Path("/bin/x"), Path("/bin"))


PROGRAMS = (
    program(Dbms.MARIADB, 11, 8),
    program(Dbms.MARIADB, 10, 5),
    program(Dbms.MARIADB, 10, 11),
    program(Dbms.MYSQL, 9, 7),
)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [((10, 5), (10, 5)), ((10, 6), (10, 11)), ((11, 0), (11, 8)), ((), (10, 5))],
)
def test_the_closest_program_that_is_not_older_is_taken(
    wanted: tuple[int, ...], chosen: tuple[int, ...]
) -> None:
    assert choose_program(PROGRAMS, (Dbms.MARIADB, wanted)).number == chosen


def test_no_program_of_the_other_flavour_is_taken() -> None:
    with pytest.raises(ToolMissing, match=r"for mysql 9\.8 or later .*found: mariadb 11\.8, .* mysql 9\.7"):
        choose_program(PROGRAMS, (Dbms.MYSQL, (9, 8)))


def test_a_major_version_alone_is_compared_with_a_dump_of_a_minor_one() -> None:
    newest = program(Dbms.POSTGRESQL, 17)
    assert choose_program((newest,), (Dbms.POSTGRESQL, (17, 12))) == newest
