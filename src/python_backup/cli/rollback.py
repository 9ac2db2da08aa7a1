"""``vya-backupdb rollback``, and ``restore --resume-or-undo``: back to what was."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.order import DisconnectOption, safety_of
from python_backup.cli.progress import progress_on
from python_backup.cli.render import FAINT, GOOD, Cell, Screen
from python_backup.cli.running import WaitOption, called_in, locks_of
from python_backup.errors import UsageError
from python_backup.log.lines import printable

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.instance import Instance
    from python_backup.jobs.in_place import InPlace
    from python_backup.storage.locks import Locks


def rollback(
    *,
    context: typer.Context,
    instance: InstanceOption = None,
    database: Annotated[
        str | None, typer.Option("--database", "-d", metavar="NAME", help="The database.", show_default=False)
    ] = None,
    disconnect: DisconnectOption = False,
    wait: WaitOption = 0.0,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Put back what the latest restore replaced; twice is where one was."""
    screen = Screen(json=json)
    if instance is None or database is None:
        named = (("--instance ID", instance), ("--database NAME", database))
        missing = " and ".join(name for name, value in named if value is None)
        raise UsageError(f"rollback needs {missing}", hint="See `vya-backupdb rollback --help`.")
    settings = load_config(config, screen)

    from python_backup.jobs.rollback import roll_back

    chosen = settings.instance(instance)
    place = _place(chosen, settings, screen)
    locks = locks_of(context, settings, screen, wait)
    report = roll_back(chosen, database, place.now, disconnect=disconnect, place=place, locks=locks)
    called_in(context).databases.append(
        {"instance": chosen.id, "dbms": chosen.dbms, "database": database, "outcome": "done",
         "before": report.before, "warnings": report.warnings, "error": None}
    )  # fmt: skip
    done = f"{database} on {chosen.label} is what it was before {words.moment(report.at)}"
    lines = [Cell(done, GOOD)]
    if report.before is not None:
        again = command(database, chosen.id)
        lines.append(
            Cell(f"what it was until now is kept as {report.before}; `{again}` puts that back", FAINT)
        )
    screen.result(
        {
            "exit_code": 0,
            "instance": chosen.id,
            "database": database,
            "restored": report.restored,
            "replaced_at": report.at,
            "before": report.before,
            "warnings": report.warnings,
        },
        *lines,
    )
    for warning in report.warnings:
        screen.warning(warning)


def settle(name: str, instance: str, settings: Config, screen: Screen, locks: Locks) -> None:
    """Ends what a killed restore left of its work on this database."""
    from python_backup.jobs.rollback import settle as run

    chosen = settings.instance(instance)
    done = run(chosen, name, _place(chosen, settings, screen), locks)
    document: dict[str, Any] = {"exit_code": 0, "instance": chosen.id, "database": name, "done": done}
    nothing = f"no restore of {name} on {chosen.label} was left unfinished"
    screen.result(document, *([Cell(text, GOOD) for text in done] or [Cell(nothing)]))


def _place(instance: Instance, settings: Config, screen: Screen) -> InPlace:
    from python_backup.jobs.in_place import InPlace

    return InPlace(instance, safety_of(settings), progress_on(screen), lambda: datetime.now().astimezone())


def command(database: str, instance: str) -> str:
    """The rollback as it is typed in a shell."""
    from shlex import quote

    return f"vya-backupdb rollback --instance {instance} --database {quote(printable(database))}"
