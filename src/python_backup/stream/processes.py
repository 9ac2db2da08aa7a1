"""What the kernel knows of processes, and does for them: families, groups, and the death of a parent."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_SETSIG = 10  # F_SETSIG of fcntl(2), which Python has no name for before 3.13


def ends_with_us(group: int, line: int) -> None:
    """Has the kernel kill the process group when this process ends, however it does.

    ``line`` is the end of a pipe for reading, which the group has open too, and the other end nobody but
    this process, who writes nothing: the kernel tells of its closing by a signal (fcntl(2), O_ASYNC). Unlike
    PR_SET_PDEATHSIG (prctl(2)) it needs no code between fork and exec, so the child can be begun by vfork: a
    fork has its pages copied, which takes ten times as long. Where this process is killed before it comes to
    this, or the group closed what it inherited (sudo), the group gets EPIPE when it writes.
    """
    with suppress(OSError):  # no such thing in this kernel
        fcntl.fcntl(line, fcntl.F_SETOWN, -group)
        fcntl.fcntl(line, _SETSIG, int(signal.SIGKILL))
        fcntl.fcntl(line, fcntl.F_SETFL, os.O_ASYNC)


def children() -> Iterator[int]:
    """This process's own children."""
    own = b"%d" % os.getpid()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _state, parent = stat.read_bytes().rpartition(b")")[2].split()[:2]
            if parent == own:
                yield int(stat.parent.name)


def living_in_group(group: int) -> Iterator[bool]:
    """For each process of the group, whether it is no zombie: orphans' zombies are init's to reap."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, pgrp = stat.read_bytes().rpartition(b")")[2].split()[:3]
            if int(pgrp) == group:
                yield state not in {b"Z", b"X"}


def until(done: Callable[[], bool], within: float) -> None:
    """Waits until ``done``, at most so many seconds."""
    deadline = time.monotonic() + within
    delay = 0.0005
    while not done() and time.monotonic() < deadline:
        time.sleep(delay)
        delay = min(delay * 2, 0.02)
