"""All checks in their order: those of the machine, then those of each instance.

A check that cannot be made hides no other; one that needs what another did not find is told as not done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from python_backup.config.load import Config
from python_backup.engines.engine import Reached
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, ConfigError
from python_backup.instance import Instance
from python_backup.jobs.health import databases, folders, instance, leftovers, machine
from python_backup.jobs.health.instance import Patient
from python_backup.model import Backup, Check, Verdict
from python_backup.storage.folder import backups
from python_backup.storage.runs import RUNS
from python_backup.storage.safety import FOLDER

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an examination; ``names`` are those of its checks.

    ``own``: each engine makes only those of them that mean something to it.
    """

    names: tuple[str, ...]
    ask: Callable[[Patient], Iterator[Check]]
    needs_server: bool = True
    own: bool = False


STEPS: tuple[Step, ...] = (
    Step(("client",), instance.client, needs_server=False),
    Step(("password", "name", "tcp", "tls", "login", "answer"), instance.way, needs_server=False),
    Step(("version",), instance.version),
    Step(("rights",), databases.rights),
    Step(("restore rights",), databases.restore_rights),
    Step(
        ("row-level security", "transactions", "float columns", "unlogged tables"),
        databases.contents,
        own=True,
    ),
    Step(("masking policies", "event scheduler", "replication"), instance.health, own=True),
    Step(("clock",), instance.clock),
    Step(("replaced databases",), databases.replaced),
    Step(("unfinished restores",), databases.unfinished),
    Step(("backup age",), databases.ages, needs_server=False),
)
"""What is asked of each instance, in this order."""

MACHINE = (
    "python",
    "packages",
    "config",
    "folder",
    "space",
    "temporary folder",
    "leftover files",
    "locks",
    "receipt key",
)
"""What is asked of the machine, in this order."""


def examine(
    config: Config | ConfigError, wanted: tuple[Instance, ...], now: Now, places: tuple[Path, ...]
) -> Iterator[Check]:
    """Every check; ``wanted`` are the instances that are examined, each check has its instance's id.

    ``places`` are those where the machine's locks may be.
    """
    yield from machine.python()
    yield from machine.packages()
    yield from machine.config(config)
    if isinstance(config, ConfigError):
        for name in MACHINE[3:]:
            yield Check(name, Verdict.SKIPPED, "the config cannot be used")
        return
    known = _backups(config.directory)
    ids = {one.id for one in wanted}
    latest = _latest(backup for backup in known if backup.manifest and backup.manifest.instance in ids)
    yield from folders.folder(config.directory, latest)
    yield from folders.temporary()
    safety = config.directory / FOLDER
    yield from leftovers.leftover_files((config.directory, safety, config.directory / RUNS))
    yield from leftovers.locks(places)
    yield from machine.receipt_key(config)
    for one in wanted:
        own = tuple(b for b in known if b.manifest is not None and b.manifest.instance == one.id)
        yield from (replace(c, instance=one.id) for c in _examined(one, config, own, now))


def _examined(one: Instance, config: Config, own: tuple[Backup, ...], now: Now) -> Iterator[Check]:
    """One instance's checks; its password is fetched once."""
    held, password = instance.with_secrets(one)
    way = ENGINES[one.dbms].reach(held) if password.verdict is Verdict.OK else Reached(())
    reached = replace(way, steps=(password, *way.steps))
    patient = Patient(held, reached, own, config.directory / FOLDER, config.kept, now)
    if reached.server is None:
        yield from _asked(patient)
        return
    with closing(reached.server):
        yield from _asked(patient)


def _asked(patient: Patient) -> Iterator[Check]:
    for step in STEPS:
        if step.needs_server and patient.reached.server is None:
            why = f"{patient.reached.steps[-1].name} failed"
            made = ENGINES[patient.instance.dbms].checks
            names = (name for name in step.names if not step.own or name in made)
            yield from (Check(name, Verdict.SKIPPED, why) for name in names)
            continue
        try:
            yield from step.ask(patient)
        except BackupError as exc:
            yield Check(step.names[0], Verdict.FAILURE, exc.message, exc.hint)
        if step.ask is instance.way:
            yield from _not_gone(patient.reached, step.names)


def _not_gone(reached: Reached, names: tuple[str, ...]) -> Iterator[Check]:
    """The steps of the way behind the one that failed."""
    last = reached.steps[-1]
    if last.verdict is Verdict.FAILURE:
        for name in names[names.index(last.name) + 1 :]:
            yield Check(name, Verdict.SKIPPED, f"{last.name} failed")


def _backups(folder: Path) -> list[Backup]:
    try:
        return backups(folder)
    except BackupError:
        return []  # the check of the folder says why


def _latest(found: Iterator[Backup]) -> tuple[Backup, ...]:
    """The latest of each database."""
    first: dict[tuple[str, str], Backup] = {}
    for backup in found:
        if backup.manifest is not None:
            first.setdefault((backup.manifest.instance, backup.database), backup)
    return tuple(first.values())
