"""What the first call of make relies on."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from python_backup import __version__
from support.programs import CHECKOUT

LOCK = [
    line for line in (CHECKOUT / "requirements-dev.lock").read_text().splitlines() if not line.startswith("#")
]


def _plain(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_the_lock_names_one_exact_version_of_each_package_and_no_place() -> None:
    assert [line for line in LOCK if not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    asked = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["embedded"],
        *project["dependency-groups"]["dev"],
    ]
    locked = {_plain(line) for line in LOCK}
    assert {_plain(requirement) for requirement in asked} - locked == set()


def test_make_alone_lists_every_target() -> None:
    said = subprocess.run(["make", "-C", CHECKOUT], capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^make (\w+) ", said, re.MULTILINE) == targets


def test_the_installed_command_is_the_program() -> None:
    command = Path(sysconfig.get_path("scripts")) / "vya-backupdb"
    calls = ([command], [sys.executable, "-m", "python_backup"])
    said = [subprocess.check_output([*call, "--version"], text=True, timeout=60) for call in calls]
    assert said == [f"vya-backupdb {__version__}\n"] * 2
