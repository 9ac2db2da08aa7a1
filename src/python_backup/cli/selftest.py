"""``vya-backupdb selftest``: damaged copies of a backup, drilled, and whether every alarm rings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import DIFFERS, FAILED
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config_if_any
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.selftest import Alarm, SelftestReport

_SHOWN = 160


def selftest(
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="PATH", help="This artifact.", show_default=False)
    ] = None,
    instance: InstanceOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database", "-d", metavar="NAME", help="The latest backup of this one.", show_default=False
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The database, of a file that holds several.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Damage copies of a backup in several ways, drill each, and see whether every alarm rings."""
    if (file is None) == (instance is None) or (file is not None and database is not None):
        raise UsageError(
            "give either --file PATH, or --instance ID and --database NAME",
            hint="See `vya-backupdb selftest --help`.",
        )
    screen = Screen(json=json)
    settings = load_config_if_any(config, screen, needed=file is None)

    from python_backup.jobs.selftest import SelftestRequest
    from python_backup.jobs.selftest import selftest as run

    request = SelftestRequest(
        file or _latest(settings, instance, database),
        source,
        settings.drilling.programs if settings else (),
    )
    report = run(request, progress_on(screen), lambda: datetime.now().astimezone())
    code = exit_code(report)
    screen.result(document(report, code), *drawn(report))
    for warning in report.warnings:
        screen.warning(warning)
    raise typer.Exit(code)


def _latest(settings: Config | None, instance: str | None, database: str | None) -> Path:
    """The latest good backup of the one database that is meant.

    Raises:
        UsageError: there is none, or which database is not said.
    """
    from python_backup.jobs.backups import latest_of_each, list_backups

    if settings is None or instance is None:
        raise AssertionError("a choice of backups without a config")
    chosen = settings.instance(instance)
    found = latest_of_each(list_backups(settings.directory, instance=chosen, database=database))
    if len(found) == 1:
        return found[0].path
    if not found:
        raise UsageError(
            f"there is no backup of {database or 'any database'} of instance {chosen.label}"
            f" in {settings.directory}",
            hint="`vya-backupdb list` shows those that there are.",
        )
    raise UsageError(
        f"instance {chosen.label} has backups of {len(found)} databases",
        hint=f"Say which with --database: {', '.join(backup.database for backup in found)}.",
    )


def exit_code(report: SelftestReport) -> int:
    """0 when all rang, 6 when one did not or the backup itself is bad, else 1: something was not done."""
    if report.silent:
        return DIFFERS
    return 0 if report.good else FAILED


def document(report: SelftestReport, code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": code,
        "path": report.file,
        "database": report.database,
        "warnings": report.warnings,
        "alarms": [
            {
                "damage": alarm.damage,
                "done": alarm.done,
                "table": alarm.table,
                "expected": alarm.expected,
                "verdict": alarm.verdict,
                "reason": alarm.reason,
                "rang": alarm.rang,
                "seconds": alarm.seconds,
            }
            for alarm in report.alarms
        ],
    }


def drawn(report: SelftestReport) -> Iterator[Table | Cell | str]:
    """A row for each damage: what should ring, and what rang; the verdict last."""
    columns = [Column("damage"), Column("what was done", folds=True), Column("should be")]
    columns += [Column("was"), Column("", folds=True), Column("time", right=True, spare=True)]
    yield Table(columns, [_row(alarm) for alarm in report.alarms])
    yield ""
    damages = [alarm for alarm in report.alarms[1:] if alarm.verdict is not None]
    rang = sum(alarm.rang is True for alarm in damages)
    if not report.alarms[0].rang:
        yield Cell(f"{report.file.name} itself is not proven, so that its copies can show nothing", BAD)
    elif report.good:
        yield Cell(f"all alarms ring: {words.plural(rang, 'damage')} noticed, and the backup is proven", GOOD)
    else:
        yield Cell(f"{len(damages) - rang} of {words.plural(len(damages), 'alarm')} did not ring", BAD)


def _row(alarm: Alarm) -> list[str | Cell]:
    style = FAINT if alarm.verdict is None else GOOD if alarm.rang else BAD
    reason = alarm.reason or ""
    return [
        alarm.damage,
        alarm.done,
        alarm.expected.value,
        Cell(alarm.verdict.value if alarm.verdict else "not done", style),
        reason if len(reason) <= _SHOWN else reason[:_SHOWN] + " …",
        words.duration(alarm.seconds) if alarm.verdict else "-",
    ]
