"""A server that crashes amid a swap: when it is up again, the old or the new contents are whole."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest

from integration.engines.mysql.dumping import connected
from integration.engines.mysql.swapping import seen, small
from python_backup.engines.mysql import steps
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError
from support import databases
from support.programs import SELECTIONS, Program, found_programs
from support.servers import instance_for
from support.stoppable import Stoppable, lone_server

CRASHES = int(os.environ.get("VYA_CHAOS", "3"))
TARGET, FRESH, BEFORE = "target", "fresh", "before"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = [program for program in found_programs() if program.family == "mysql" and _undoes_itself(program)]
    found = SELECTIONS[metafunc.config.getoption("--servers")](found)
    ids = [program.id for program in found]
    metafunc.parametrize("victim", found, ids=ids, indirect=True, scope="module")


def _undoes_itself(program: Program) -> bool:
    """MariaDB before 10.6 does not undo a RENAME TABLE that it crashed in; each swap there warns of it."""
    return program.dbms != "mariadb" or tuple(map(int, program.version.split(".")[:2])) >= (10, 6)


@pytest.fixture(scope="module")
def victim(request: pytest.FixtureRequest):
    with lone_server(request.param) as one:
        yield one


def test_a_server_that_crashes_while_tables_move_has_one_of_both_afterwards(victim: Stoppable, monkeypatch):
    dice = random.Random()
    moving = threading.Event()
    real = steps._move

    def move(*args, **options):
        moving.set()
        return real(*args, **options)

    monkeypatch.setattr(steps, "_move", move)
    outcomes = []
    for number in range(CRASHES):
        old, new = _prepared(victim)
        moving.clear()
        moment = dice.uniform(0, 0.03)
        killer = threading.Thread(target=_crash_when, args=(victim, moving, moment))
        killer.start()
        try:
            with connected(instance_for(victim.server)) as server:
                server.take_over(Swap(FRESH, TARGET, BEFORE))
            ended = "went well"
        except BackupError as exc:
            ended = str(exc)
        moving.set()
        killer.join()
        victim.start()
        with connected(instance_for(victim.server)) as server:
            told = server.unfinished(TARGET)
            said = server.settle(TARGET)
            there = [server.exists(name) for name in (FRESH, BEFORE)]
        at = (number, moment, ended, told, said)
        assert sorted(there) == [False, True], at
        expected = (new, old) if there[1] else (old, new)
        assert seen(victim.server, TARGET) == expected[0], at
        assert seen(victim.server, BEFORE if there[1] else FRESH) == expected[1], at
        outcomes.append("new" if there[1] else "old")


def _crash_when(victim: Stoppable, moving: threading.Event, moment: float) -> None:
    moving.wait(60)
    time.sleep(moment)
    victim.crash()


def _prepared(victim: Stoppable):
    for name in (TARGET, FRESH, BEFORE):
        databases.drop(victim.server, name)
    for name, mark in ((TARGET, "old"), (FRESH, "new")):
        databases.create(victim.server, name)
        small(victim.server, name, mark)
    return seen(victim.server, TARGET), seen(victim.server, FRESH)
