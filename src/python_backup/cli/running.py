"""What goes around every command that changes something: its locks, and clearing up after dead runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.model import Run

if TYPE_CHECKING:
    from python_backup.cli.render import Screen
    from python_backup.config.load import Config
    from python_backup.storage.locks import Locks

WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, help="Wait so long for a run that works on the same database."
    ),
]


@dataclass(frozen=True, slots=True)
class Called:
    """This run, and the command line as it was typed; every command finds it in its context."""

    run: Run
    words: str


def locks_of(context: typer.Context, settings: Config, screen: Screen, wait: float = 0.0) -> Locks:
    """The locks of a run that begins to work; what dead runs left is cleared up first."""
    from python_backup.storage.locks import Locks, machine_folder, machine_places

    called = context.find_object(Called)
    if called is None:
        raise AssertionError("a command without its run")
    _clear_up(settings.directory, screen)
    machine = machine_folder(machine_places(os.environ, os.geteuid()))
    return Locks(machine, settings.directory, called.words, called.run.started, screen.note, wait)


def _clear_up(folder: Path, screen: Screen) -> None:
    from python_backup.jobs.in_place import FOLDER
    from python_backup.storage.leftovers import clear_folder
    from python_backup.stream.private import clear_private

    for path in (*clear_folder(folder), *clear_folder(folder / FOLDER), *clear_private()):
        screen.note(f"removed {path}, which a run that was killed left")
