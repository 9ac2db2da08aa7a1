"""What MySQL forgets in a crash is told with what brings it back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pymysql import MySQLError

from integration.engines.mysql.dumping import connected
from python_backup.errors import BackupError
from support import databases
from support.chance import SEED
from support.forgotten import forgotten, remembered
from support.programs import Program, found_programs, newest_of_each
from support.servers import instance_for
from support.stoppable import Stoppable, lone_server

CRASHES, TABLES = 12, 30
PLACES = ("here `and'", "there-by")
"""Only names that InnoDB writes otherwise in the file system are concerned."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = [program for program in newest_of_each(found_programs()) if program.dbms == "mysql"]
    metafunc.parametrize("victim", found, ids=[program.id for program in found], indirect=True)


@pytest.fixture
def victim(request: pytest.FixtureRequest) -> Iterator[Stoppable]:
    program: Program = request.param
    with lone_server(program) as one:
        yield one


def test_a_table_that_mysql_forgot_in_a_crash_is_there_after_another_restart(victim: Stoppable) -> None:
    server, chance = victim.server, random.Random(SEED)
    for name in PLACES:
        databases.create(server, name)
    numbered = [f"CREATE TABLE t{number} (a INT)" for number in range(TABLES)]
    databases.execute(server, PLACES[0], *numbered)
    for _ in range(CRASHES):
        _crash_amid_a_move(victim, chance.uniform(0.005, 0.1))
        if lost := forgotten(victim):
            break
    else:
        pytest.fail("this MySQL forgets no files: leave the hint and the line of docs/surprises.md out")
    database, table = lost[0]
    with (
        connected(instance_for(server)) as link,
        pytest.raises(BackupError, match=r"Tablespace is missing for table .* \(1812\)") as raised,
    ):
        link.answer(database, f"SELECT * FROM {databases.quoted(server, table)}")
    assert "restart the server once more" in (raised.value.hint or "")
    remembered(victim)


def _crash_amid_a_move(victim: Stoppable, moment: float) -> None:
    """Moves all tables from where they are to the other place, and ends the server meanwhile."""
    server = victim.server
    count = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'there-by'"
    source, to = reversed(PLACES) if databases.scalar(server, None, count) else PLACES
    moves = ", ".join(
        f"{databases.quoted(server, source)}.t{number} TO {databases.quoted(server, to)}.t{number}"
        for number in range(TABLES)
    )

    def move() -> None:
        with suppress(MySQLError):
            databases.execute(server, None, f"RENAME TABLE {moves}")

    moving = threading.Thread(target=move)
    moving.start()
    time.sleep(moment)
    victim.crash()
    moving.join()
    victim.start()
