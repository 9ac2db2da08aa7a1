"""A program that is killed while two databases change names leaves one whole one."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from contextlib import closing

from integration.engines.postgresql.swapping import reconnecting
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.engines.replacing import Swap
from support.servers import RunningServer, instance_for

KILLED = int(os.environ.get("VYA_CHAOS", "6"))
"""Random moments at which a take-over is killed, on each server; more, at most ten times as many, until
both ends were seen: how long a swap lasts changes with what else the machine does."""


def swap_for_ever(server: RunningServer, there: Swap, back: Swap, began) -> None:
    """What the killed process does: it changes the databases' names to and fro."""
    with closing(ENGINE.connect(instance_for(server))) as link:
        began.set()
        while True:
            link.take_over(there)
            link.take_over(back)


def test_a_killed_take_over_leaves_one_whole_database(server, trio, roles):
    some = trio()
    some.alter(f"ALTER DATABASE {{t}} OWNER TO {roles[0]}", "ALTER DATABASE {t} SET work_mem TO '8MB'")
    wanted = some.properties(some.target)
    first = {some.target: "old", some.fresh: "new"}
    second = {some.target: "new", some.before: "old"}
    fork = multiprocessing.get_context("forkserver")
    fork.set_forkserver_preload([__name__, ENGINE.__module__])
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    found = set()
    with reconnecting(some.server, some.target, clients=1):
        began_at = time.monotonic()
        with closing(ENGINE.connect(instance_for(some.server))) as link:
            link.take_over(some.swap(disconnect=True))
            link.take_over(some.back(disconnect=True))
        span = time.monotonic() - began_at  # a kill falls into either of the first two swaps, however slow
        for turn in range(10 * KILLED):
            if turn >= KILLED and len(found) == 2:
                break
            ways = (some.swap(disconnect=True), some.back(disconnect=True))
            began = fork.Event()
            turned = some.settled() == second
            child = fork.Process(
                target=swap_for_ever, args=(some.server, ways[turned], ways[not turned], began)
            )
            child.start()
            assert began.wait(30)
            time.sleep(chance.uniform(0, 2 * span))
            child.kill()
            child.join()
            state = some.settled()
            assert state in (first, second), f"seed {seed}"
            assert some.properties(some.target) == wanted, f"seed {seed}"
            found.add(state[some.target])
    assert found == {"old", "new"}, f"seed {seed}"
