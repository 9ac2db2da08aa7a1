"""A server on a leash: whatever becomes of the run that started it, the server ends and its folder goes.

Started as a program of its own, ``python leash.py PLAN``. Its stdin is the leash: the run that
holds the other end lets go by closing it, by crashing, or by being killed. PLAN is JSON: ``make``
(a command that is run first, to its end), ``serve`` (the server's command), ``account`` (uid and gid
of both, or null for one's own), ``signal`` (how the server is ended, by number) and ``folder`` (what
is removed last).
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

PATIENCE_MS = 10_000
"""How long a server may take to end by its signal, before it is killed."""

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The leash decides, not a terminal."""


def hold(plan: dict[str, Any]) -> int:
    """Makes and serves until the leash is let go or the server ends by itself; gives its exit status."""
    status = 1
    try:
        for argv in (plan["make"], plan["serve"]):
            status = _kept(argv, plan["account"], plan["signal"])
            if status:
                break
    finally:
        shutil.rmtree(plan["folder"], ignore_errors=True)
    return status


def _kept(argv: list[str], account: list[int] | None, how: int) -> int:
    """One program's exit status; it is ended when nobody holds the leash any more."""
    pid = os.fork()
    if pid == 0:
        _become(argv, account)
    running = os.pidfd_open(pid)
    try:
        if not _ends(running, leash=True):
            for number in (how, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                if _ends(running, leash=False):
                    break
    finally:
        os.close(running)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(argv: list[str], account: list[int] | None) -> NoReturn:
    """The child's part: gives up its rights, its signals' ignorance and the leash, and is the program."""
    try:
        if account is not None:
            os.setgroups([])
            os.setgid(account[1])
            os.setuid(account[0])
        for ignored in (*IGNORED, signal.SIGQUIT):  # a shell's background jobs ignore it
            signal.signal(ignored, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(argv[0], argv)  # noqa: S606 - no shell is what is wanted
    except OSError as exc:
        os.write(2, f"{argv[0]}: {exc.strerror}\n".encode())
    finally:
        os._exit(127)


def _ends(running: int, *, leash: bool) -> bool:
    """Waits for the program's end; False when the leash was let go, or the patience is over, before it."""
    poll = select.poll()
    poll.register(running, select.POLLIN)
    if leash:
        poll.register(0, select.POLLIN | select.POLLHUP)
    ready = poll.poll(None if leash else PATIENCE_MS)
    return any(descriptor == running for descriptor, _ in ready)


if __name__ == "__main__":
    for ignored in IGNORED:
        signal.signal(ignored, signal.SIG_IGN)
    sys.exit(abs(hold(json.loads(sys.argv[1]))))
