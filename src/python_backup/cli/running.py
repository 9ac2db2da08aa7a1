"""What goes around every command that changes something: locks, a record, clearing up after dead runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli.render import Screen, error_document, plain
from python_backup.cli.signals import ENDING
from python_backup.errors import BackupError, StorageFailed
from python_backup.instance import Instance
from python_backup.model import Run

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.storage.locks import Locks
    from python_backup.storage.runs import Record

WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, help="Wait so long for a run that works on the same database."
    ),
]


@dataclass(slots=True)
class Called:
    """This run, and the command line as it was typed; every command finds it in its context.

    ``databases`` is what became of each so far, for the run's record; ``begun`` are those that it took the
    locks of.
    """

    run: Run
    words: str
    record: Record | None = None
    databases: list[dict[str, Any]] = field(default_factory=list)
    begun: list[dict[str, Any]] = field(default_factory=list)

    def begins(self, instance: Instance, database: str) -> None:
        """Notes that a database is worked on from now."""
        self.begun.append({"instance": instance.id, "dbms": instance.dbms, "database": database})

    def ended(self, code: int, error: BackupError | None, screen: Screen) -> None:
        """Writes the record, if one was begun."""
        if self.record is None:
            return
        number = next((n for n in ENDING if code == 128 + n), None)
        last = {
            "finished": datetime.now().astimezone().isoformat(),
            "exit_code": code,
            "signal": number.name if number else None,
            "error": error_document(error) if error else None,
            "databases": plain([*self.databases, *self._under_way(code, interrupted=number is not None)]),
        }
        try:
            self.record.finish(last)
        except StorageFailed as exc:
            screen.warning(f"the run's record was not written: {exc.message}")

    def _under_way(self, code: int, *, interrupted: bool) -> Iterator[dict[str, Any]]:
        """The databases that were begun, and of which nothing more was told: with them the run ended."""
        told = {(one["instance"], one["database"]) for one in self.databases}
        outcome = "interrupted" if interrupted else "failed" if code else "done"
        for one in self.begun:
            if (one["instance"], one["database"]) not in told:
                told.add((one["instance"], one["database"]))
                yield {**one, "outcome": outcome}


def called_in(context: typer.Context) -> Called:
    """The run that this command is."""
    called = context.find_object(Called)
    if called is None:
        raise AssertionError("a command without its run")
    return called


def locks_of(context: typer.Context, settings: Config, screen: Screen, wait: float = 0.0) -> Locks:
    """The locks of a run that begins to work: what dead runs left is cleared up, and its record begun."""
    from python_backup.storage.locks import Locks, clear_locks, machine_folder, machine_places
    from python_backup.storage.runs import begin

    called = called_in(context)
    _clear_up(settings.directory, screen)
    if settings.directory.is_dir():
        try:
            called.record = begin(settings.directory, called.run, called.words)
        except StorageFailed as exc:
            screen.warning(f"this run has no record: {exc.message}")
    machine = machine_folder(machine_places(os.environ, os.geteuid()))
    clear_locks(machine)
    return Locks(
        machine, settings.directory, called.words, called.run.started, screen.note, wait, called.begins
    )


def _clear_up(folder: Path, screen: Screen) -> None:
    from python_backup.storage.leftovers import clear_folder
    from python_backup.storage.runs import RUNS
    from python_backup.storage.safety import FOLDER
    from python_backup.stream.private import clear_private

    folders = (folder, folder / FOLDER, folder / RUNS)
    for path in (*(path for place in folders for path in clear_folder(place)), *clear_private()):
        screen.note(f"removed {path}, which a run that was killed left")
