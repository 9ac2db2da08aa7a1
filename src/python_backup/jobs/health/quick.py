"""The part of the examination that a backup makes of its own instances: what costs one question at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from python_backup.engines.engine import Reached, Server
from python_backup.errors import BackupError
from python_backup.instance import Instance
from python_backup.jobs.health import folders
from python_backup.jobs.health import instance as checks
from python_backup.jobs.health.instance import Patient
from python_backup.model import Check, Verdict
from python_backup.policy.beside import Kept

QUICK = ("client", "version", "clock", "folder")
"""The names of the checks that are made, in this order."""


def quick(instance: Instance, server: Server, folder: Path, now: Callable[[], datetime]) -> tuple[Check, ...]:
    """What is unwise about an instance that is connected; what fails now, the backup itself will tell."""
    patient = Patient(instance, Reached((), server), (), folder, Kept(), now)
    found: list[Check] = []
    for ask in (checks.client, checks.version, checks.clock):
        try:
            found += ask(patient)
        except BackupError:  # a connection that was lost fails the backup, with its own words
            return tuple(_ill(found))
    return tuple(_ill([*found, *folders.access(folder)]))


def sentence(check: Check) -> str:
    """A check that is not well, in one line."""
    return f"{check.name}: {check.found}" + (f" ({check.hint})" if check.hint else "")


def _ill(found: list[Check]) -> Iterator[Check]:
    """A failure is told by the backup when it fails for it."""
    return (check for check in found if check.verdict is Verdict.WARNING)
