"""What the kernel knows of processes, and does for them: families, groups, and the death of a parent."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_prctl = ctypes.CDLL(None, use_errno=True).prctl
_PR_SET_PDEATHSIG = 1


def dies_with(parent: int) -> Callable[[], None]:
    """What runs in a child before its program: the kernel is to kill it when its starter ends (prctl(2)).

    The starter is a thread: what it starts ends with it. Nothing is called that another thread's lock
    could stop. A set-uid program is not killed so; it gets EPIPE when it writes.
    """

    def prepare() -> None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended meanwhile
            os._exit(1)

    return prepare


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
