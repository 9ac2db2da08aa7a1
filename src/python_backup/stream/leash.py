"""A server on a leash: whatever becomes of the run that started it, the server ends and its folder goes.

Started as a program of its own, ``python leash.py PLAN``. Its stdin is the leash: the run that
holds the other end lets go by closing it, by crashing, or by being killed. PLAN is JSON: ``make``
(a command that is run first, to its end), ``serve`` (the server's command), ``account`` (uid and gid
of both, or null for one's own), ``signal`` (how the server is ended, by number), ``folder`` (what is
removed last), and where they are wanted ``apart`` (true: the server gets no network), ``after`` (a
command that is run when the server has ended) and ``kept``: where this file is when the leash is let
go, the server goes on until a SIGTERM, and the file's folder goes then too.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

PATIENCE_MS = 10_000
"""How long a server may take to end by its signal, before it is killed."""

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The leash decides, not a terminal."""


ALONE = "this server is not apart from the network"
"""How a line of the log begins where the system allows no network of its own."""

_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
"""CLONE_NEWNET and CLONE_NEWUSER of unshare(2)."""


class Asked(Exception):
    """A server that was kept is to end."""


def hold(plan: dict[str, Any]) -> int:
    """Makes and serves until the leash is let go or the server ends by itself; gives its exit status."""
    status, kept = 1, plan.get("kept") or ""
    try:
        for argv in filter(None, (plan["make"], plan["serve"])):
            status = _held(argv, plan)
            if status:
                break
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if plan.get("after"):
            os.waitpid(_forked(plan["after"], lambda: None), 0)
        shutil.rmtree(plan["folder"], ignore_errors=True)
        if os.path.exists(kept):  # noqa: PTH110 - starts without pathlib
            shutil.rmtree(os.path.dirname(kept), ignore_errors=True)  # noqa: PTH120
    return status


def _held(argv: list[str], plan: dict[str, Any]) -> int:
    """One program's exit status; it is ended when nobody holds the leash any more."""
    pid = _forked(argv, lambda: _become(plan["account"], apart=bool(plan.get("apart"))))
    running = os.pidfd_open(pid)
    try:
        if not _goes_on(running, plan.get("kept") or ""):
            for number in (plan["signal"], signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                if _ends(running, PATIENCE_MS):
                    break
    finally:
        os.close(running)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _forked(argv: list[str], become: Callable[[], None]) -> int:
    """The process of a program; it has neither the leash nor this program's way with signals."""
    pid = os.fork()
    if pid:
        return pid
    try:
        become()
        for ignored in (*IGNORED, signal.SIGQUIT):  # a shell's background jobs ignore it
            signal.signal(ignored, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is what is wanted
    except OSError as exc:
        os.write(2, f"{argv[0]}: {exc.strerror}\n".encode())
    finally:
        os._exit(127)


def _become(account: list[int] | None, *, apart: bool) -> None:
    """Gives up the network and the account's rights."""
    alone = apart and _unshared(_NEW_NETWORK)
    if account is not None:
        os.setgroups([])
        os.setgid(account[1])
        os.setuid(account[0])
    if apart and not alone:
        _become_alone()


def _become_alone() -> None:
    """Who is not root may leave the network in a user namespace of its own (user_namespaces(7))."""
    user, group = os.geteuid(), os.getegid()
    if not _unshared(_NEW_USER | _NEW_NETWORK):
        os.write(2, f"{ALONE}: the system allows no namespace\n".encode())
        return
    maps = (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1"))
    for name, text in maps:
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)


def _unshared(flags: int) -> bool:
    """os.unshare is Python 3.12's."""
    return sys.platform == "linux" and bool(ctypes.CDLL(None).unshare(flags) == 0)


def _goes_on(running: int, kept: str) -> bool:
    """Waits for the program's end; False when it is to be ended before."""
    try:
        if _ends(running, None, leash=True):
            return True
        return os.path.exists(kept) and _ends(running, None)  # noqa: PTH110
    except Asked:
        return False


def _ends(running: int, patience: int | None, *, leash: bool = False) -> bool:
    """Waits for the program's end; False when the leash was let go, or the patience is over, before it."""
    poll = select.poll()
    poll.register(running, select.POLLIN)
    if leash:
        poll.register(0, select.POLLIN | select.POLLHUP)
    ready = poll.poll(patience)
    return any(descriptor == running for descriptor, _ in ready)


def _listens(plan: dict[str, Any]) -> None:
    """The leash decides, not a terminal; but one that was kept can be asked to end."""
    for ignored in IGNORED:
        signal.signal(ignored, signal.SIG_IGN)

    def asked(*_: object) -> None:
        if os.path.exists(plan["kept"]):  # noqa: PTH110
            raise Asked

    if plan.get("kept"):
        signal.signal(signal.SIGTERM, asked)


if __name__ == "__main__":
    _listens(told := json.loads(sys.argv[1]))
    sys.exit(abs(hold(told)))
