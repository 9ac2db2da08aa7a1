"""Lets others go first: the lowest priority for processor and disks, for this process and its children.

Both are Linux's and inherited by what is started later, threads and programs. Servers are not ours, nor
what runs in a container for us.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator

_LOWEST = 19
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "ppc64le": 273, "s390x": 282, "loongarch64": 30}
"""The number of ioprio_set(2), for which libc has no function, by processor."""

_THIS_PROCESS = 1
_IDLE, _BEST_EFFORT_LAST = 3 << 13, (2 << 13) | 7
"""Disk time that nobody else wants; else the last of those who want some (before Linux 2.6.25, not root)."""


def be_nice() -> Iterator[str]:
    """Lowers the priority of the calling thread, and so of all that it starts; says what was not possible."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _LOWEST)
    except OSError as exc:
        yield f"the processor's priority stays: {exc.strerror}"
    number = _IOPRIO_SET.get(platform.machine())
    if number is None:
        yield f"the disks' priority stays: its system call on {platform.machine()} is not known"
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if all(libc.syscall(number, _THIS_PROCESS, 0, wanted) for wanted in (_IDLE, _BEST_EFFORT_LAST)):
        yield f"the disks' priority stays: {os.strerror(ctypes.get_errno())}"
