"""What `.ci/run` calls, with stand-ins for all that it calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.markdown import CHECKOUT

CALLED = ("make", "apt-get", "sudo", "docker", "timeout", "install", "images")


def _calls(folder: Path) -> list[str]:
    """Runs a copy of it; gives the calls of its stand-ins, in order."""
    programs, checkout = folder / "programs", folder / "checkout"
    programs.mkdir()
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(CHECKOUT / ".ci" / "run", checkout / ".ci" / "run")
    for name in CALLED:
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/calls\n')
        program.chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    done = subprocess.run(
        [checkout / ".ci" / "run"], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("shared", [False, True])
def test_it_checks_and_tests_with_and_without_what_is_beside_the_checkout(
    tmp_path: Path, *, shared: bool
) -> None:
    beside = tmp_path / "shared" / "servers"
    if shared:
        beside.mkdir(parents=True)
        for name in ("install", "images"):
            (beside / name).symlink_to(tmp_path / "programs" / name)
    calls = _calls(tmp_path)
    checked = calls.index("make check")
    assert [call for call in calls[checked:] if "make test" in call]
    assert [call for call in calls[checked:] if "make floor" in call]
    before = " ".join(calls[:checked])
    servers = [
        name for name in ("mysql-9.7", "mariadb-11.8", "postgresql-13", "postgresql-18") if name in before
    ]
    assert len(servers) == (4 if shared else 0)
    assert ("/servers/images" in before or "images mysql" in before) == shared
    if os.geteuid() == 0:
        assert any(call.startswith("apt-get") and "mariadb-server" in call for call in calls[:checked])
