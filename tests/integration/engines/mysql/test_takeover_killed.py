"""A swap that is killed at any moment, by any cause, is settled: the old or the new contents are whole."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any

import pymysql
import pytest

from integration.engines.mysql.dumping import connected
from integration.engines.mysql.swapping import seen, small
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError
from support import databases
from support.servers import RunningServer, instance_for

KILLS = int(os.environ.get("VYA_CHAOS", "4"))
"""For each server and cause; ``make chaos`` takes more."""

SWAP = """
import json, sys
from integration.engines.mysql.dumping import connected
from python_backup.engines.replacing import Swap
from support.servers import RunningServer, instance_for
known, names = json.loads(sys.argv[1]), json.loads(sys.argv[2])
with connected(instance_for(RunningServer(**{**known, "command": ()}))) as server:
    print("ready", flush=True)
    sys.stdin.readline()
    server.take_over(Swap(*names))
    print("done", flush=True)
"""


class Stage:
    """Target and fresh database, and what is to be seen of either; the two change places again and again."""

    def __init__(self, server: RunningServer, new_database: Any) -> None:
        self.server = server
        self.target, self.fresh = new_database(server, "target"), new_database(server, "fresh")
        self.before = new_database(server, "before", create=False)
        small(server, self.target, "old")
        small(server, self.fresh, "new")
        self.under, self.beside = seen(server, self.target), seen(server, self.fresh)
        self.outcomes: list[str] = []

    @property
    def swap(self) -> Swap:
        return Swap(self.fresh, self.target, self.before)

    def settled(self) -> None:
        """Settles what is left, and sees that everything is whole and nothing else is there."""
        with connected(instance_for(self.server)) as server:
            told = server.unfinished(self.target)
            said = server.settle(self.target)
            assert (told is None) == said.startswith("nothing"), (told, said)
            assert server.unfinished(self.target) is None
            there = [server.exists(name) for name in (self.fresh, self.before)]
        assert sorted(there) == [False, True], (told, said)
        if there == [False, True]:
            self.fresh, self.before = self.before, self.fresh
            self.under, self.beside = self.beside, self.under
        self.outcomes.append(f"{'new' if there[1] else 'old'}: {said}")
        assert seen(self.server, self.target) == self.under, (told, said)
        assert seen(self.server, self.fresh) == self.beside, (told, said)


@pytest.fixture
def stage(private_mysql_server: RunningServer, new_database) -> Stage:
    return Stage(private_mysql_server, new_database)


def moments(duration: float) -> list[float]:
    """Random moments of a swap, one in each of as many equal parts, so that no part is left out."""
    dice = random.Random()
    return [duration * (part + dice.random()) / KILLS for part in range(KILLS)]


def duration(stage: Stage) -> float:
    """How long a swap takes here."""
    took = []
    for _ in range(2):
        begun = time.monotonic()
        with connected(instance_for(stage.server)) as server:
            server.take_over(stage.swap)
        took.append(time.monotonic() - begun)
        stage.settled()
    return max(took)


def test_a_process_that_is_killed_leaves_what_can_be_settled(stage: Stage):
    known = json.dumps(asdict(stage.server))
    for moment in moments(duration(stage)):
        names = json.dumps([stage.fresh, stage.target, stage.before])
        with subprocess.Popen(
            [sys.executable, "-c", SWAP, known, names], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        ) as process:  # fmt: skip
            assert process.stdout.readline() == b"ready\n"
            process.stdin.write(b"\n")
            process.stdin.flush()
            time.sleep(moment)
            process.kill()
        stage.settled()
    assert {line[:3] for line in stage.outcomes} >= {"old", "new"}


def test_a_connection_that_is_killed_fails_the_swap_which_undoes_itself(stage: Stage):
    for moment in moments(duration(stage)):
        killer = threading.Timer(moment, _kill_all, (stage.server,))
        with connected(instance_for(stage.server)) as server:
            killer.start()
            try:
                server.take_over(stage.swap)
                ended = "went well"
            except BackupError as exc:
                ended = str(exc)
            killer.join()
        with connected(instance_for(stage.server)) as server:
            assert (server.unfinished(stage.target), ended) == (None, ended)
            assert server.exists(stage.fresh) == (ended != "went well"), ended
        stage.settled()


def _kill_all(server: RunningServer) -> None:
    """Ends every session of the program under test but the one that waits."""
    with closing(databases.connection(server)) as link, link.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE user = %s AND id <> CONNECTION_ID()"
            " AND command IN ('Query', 'Sleep')", (server.superuser,)
        )  # fmt: skip
        for (number,) in cursor.fetchall():
            with suppress(pymysql.err.OperationalError):  # it has just ended
                cursor.execute(f"KILL {number}")
