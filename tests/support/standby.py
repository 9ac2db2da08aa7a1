"""A streaming standby of a lone PostgreSQL, which replays at once and cancels who is in the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from support import databases, keeper
from support.programs import Program
from support.recipes import recipe
from support.servers import RunningServer
from support.stoppable import Stoppable

DELAY = "200ms"
"""How long the standby lets a query stand in the way of what it replays."""


class Standby:
    """The standby's server, and the primary behind it."""

    def __init__(self, primary: RunningServer, server: RunningServer) -> None:
        self.primary = primary
        self.server = server

    def conflict(self, database: str, statement: str) -> None:
        """Runs a statement on the primary, and gives the standby the time to cancel who is in its way."""
        databases.execute(self.primary, database, statement)
        time.sleep(1)


@contextmanager
def standby_of(primary: Stoppable, program: Program) -> Iterator[Standby]:
    """A running standby beside the primary's folder; afterwards it is gone."""
    folder = primary._folder.parent / "standby"
    folder.mkdir()
    program = primary._program
    copy = [
        f"{program.bin}/pg_basebackup", "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync",
        "-h", primary.server.socket, "-p", str(primary.server.port), "-U", primary.server.superuser,
    ]  # fmt: skip
    made = keeper._child(copy, folder)
    assert made.wait(60) == 0, keeper._log(folder)
    plan = recipe(program, folder, port := keeper._free_port())
    child = keeper._child([*plan.serve, "-c", f"max_standby_streaming_delay={DELAY}"], folder)
    server = replace(primary.server, id=f"{primary.server.id}-standby", port=port, socket=plan.socket)
    try:
        if not keeper._answers(server, child):
            raise keeper.NoServer(keeper._log(folder))
        yield Standby(primary.server, server)
    finally:
        keeper._end(child, plan.signal)
