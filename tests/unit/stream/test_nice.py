"""The lowest priority, inherited by what is started."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from python_backup.stream import nice

ASK = "import os, ctypes; print(os.getpriority(os.PRIO_PROCESS, 0), ctypes.CDLL(None).syscall({get}, 1, 0))"
RUN = "from python_backup.stream.nice import be_nice; print(list(be_nice())); import subprocess, sys; "
IOPRIO_GET = {"x86_64": 252, "aarch64": 31}


@pytest.mark.skipif(platform.machine() not in IOPRIO_GET, reason="the number of ioprio_get is not known here")
def test_this_process_and_its_children_come_last() -> None:
    ask = ASK.format(get=IOPRIO_GET[platform.machine()])
    script = f"{RUN}subprocess.run([sys.executable, '-c', {ask!r}], check=True)"
    said = subprocess.run(
        [sys.executable, "-u", "-c", script], check=True, capture_output=True, text=True, env=os.environ
    ).stdout.splitlines()
    assert said in (["[]", f"19 {3 << 13}"], ["[]", f"19 {(2 << 13) | 7}"])


def test_what_the_system_does_not_allow_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(nice.os, "setpriority", refused)
    monkeypatch.setattr(nice.platform, "machine", lambda: "pdp11")
    assert list(nice.be_nice()) == [
        "the processor's priority stays: Operation not permitted",
        "the disks' priority stays: its system call on pdp11 is not known",
    ]
