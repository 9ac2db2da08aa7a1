"""Faults of backups in parts: several connections read the rows, the dump tool all else."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping

from faults.fault import Fault
from faults.proxy import proxy
from faults.stage import BALLAST, SOURCE, Outcome, Stage

IN_PARTS = {"jobs": 2, "parts": "always", "compression": {"format": "zstd"}}
SLOW = {**IN_PARTS, "timeout": 2}
AMID = 10_000_000
"""Bytes that came from the server: rows of the ballast are being read."""


def _shimmed(ending: str, *, backup: Mapping = IN_PARTS, **told: object) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        stage.configure(instance=stage.shim(ending, **told), backup=backup)
        return stage.backup()

    return play


def _signalled(number: int, **told: object) -> Callable[[Stage], Outcome]:
    """The program is sent a signal while its tool hangs."""

    def play(stage: Stage) -> Outcome:
        stage.configure(instance=stage.shim("hang", at=0, **told), backup=IN_PARTS)
        begun = time.monotonic()
        child = stage.begin("backup", "--database", SOURCE)
        stage.reached(child)
        child.send_signal(number)
        return stage.ended(child, begun)

    return play


def _through(act: Callable[[Stage], object] | None = None) -> Callable[[Stage], Outcome]:
    """``act`` while rows are read, or all connections are cut."""

    def play(stage: Stage) -> Outcome:
        where, told = (stage.server.host, stage.server.port), {}
        if act is not None:
            told["act"] = lambda _: act(stage)
        with proxy(where, after=AMID, **told) as way:
            stage.configure(instance={"port": way.port}, backup=IN_PARTS)
            return stage.backup(BALLAST)

    return play


def _silent(stage: Stage) -> Outcome:
    """The way to the server passes nothing on any more; many connections are given up no later than one."""
    where = (stage.server.host, stage.server.port)
    with proxy(where, after=AMID, act=lambda way: way.freeze()) as way:
        stage.configure(instance={"port": way.port}, backup={**SLOW, "jobs": 8})
        return stage.backup(BALLAST, patience=30)


WHOLE = "nothing half-done"
LOST = "connection|Lost|server|unexpected eof"

FAULTS = (
    Fault("parts: the tool is killed before its output", _shimmed("signal", at=0), 1, "signal 9"),
    Fault("parts: the tool exits 1 after its whole output", _shimmed("exit", code=1), 1, "exit status 1"),
    Fault("parts: the output is empty, exit 0", _shimmed("exit", at=0), 1, "end mark|Dump completed"),
    Fault("parts: the output ends within the header, exit 0", _shimmed("exit", at=60), 1, "end mark|Dump completed"),
    Fault("parts: the tool hangs before its output", _shimmed("hang", at=0, backup=SLOW), 1, "timeout"),
    Fault("parts: the tool hangs after its whole output", _shimmed("hang", backup=SLOW), 1, "timeout"),
    Fault("parts: the tool hangs and ignores SIGTERM", _shimmed("hang", at=0, say="stubborn", backup=SLOW), 1, "timeout"),
    Fault("parts: SIGTERM while the tool hangs", _signalled(signal.SIGTERM), 143, WHOLE),
    Fault("parts: SIGINT while the tool ignores signals", _signalled(signal.SIGINT, say="stubborn"), 130, WHOLE),
    Fault("parts: SIGKILL while the tool hangs", _signalled(signal.SIGKILL), -9, "", killed=True),
    Fault("parts: the connections are cut amid the rows", _through(), (1, 4), LOST),
    Fault("parts: the server is killed amid the rows", _through(lambda stage: stage.victim.crash()), (1, 4), LOST),
    Fault("parts: the sessions are ended amid the rows", _through(lambda stage: stage.victim.cut()), (1, 4), f"{LOST}|terminat|killed"),
    Fault("parts: the network falls silent amid the rows", _silent, 1, "timeout"),
)  # fmt: skip
