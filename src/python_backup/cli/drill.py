"""``vya-backupdb drill``: backups restored into a throw-away server, and a verdict on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import DIFFERS, FAILED
from python_backup.cli.junit import junit
from python_backup.cli.options import ConfigOption, InstanceOption, load_config
from python_backup.cli.page import page
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table, as_json
from python_backup.cli.signing import receipting
from python_backup.errors import ConfigMissing, StorageFailed, UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.drill import DrillReport, DrillRequest

STYLES = {"proven": GOOD, "failed": BAD, "error": BAD}


def drill(
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="PATH", help="This artifact.", show_default=False)
    ] = None,
    instance: InstanceOption = None,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Every enabled instance's databases.")] = False,
    database: Annotated[
        list[str] | None,
        typer.Option(
            "--database", "-d", metavar="NAME", help="This database; may be repeated.", show_default=False
        ),
    ] = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="The latest backup of each; this is the default.")
    ] = False,
    at: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="The latest backup taken by then.", show_default=False),
    ] = None,
    suspect: Annotated[
        bool, typer.Option("--suspect", help="Suspect backups too, where they are the latest.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The database, of a file that holds several.", show_default=False),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="PATH", help="Write the report as JSON; - is stdout.", show_default=False
        ),
    ] = None,
    junit_: Annotated[
        Path | None,
        typer.Option("--junit", metavar="PATH", help="Write JUnit XML, for CI.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="PATH", help="Write a page, for people.", show_default=False),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Restore backups into a throw-away server, and tell whether they are what was dumped."""
    if (file is not None) + (instance is not None) + all_ != 1:
        raise UsageError(
            "give one of --file PATH, --instance ID and --all", hint="See `vya-backupdb drill --help`."
        )
    if latest and at is not None:
        raise UsageError("--latest and --at contradict each other")
    screen = Screen(json=str(json) == "-")
    settings = _settings(config, screen, needed=file is None)

    from python_backup.jobs.drill import drill as run

    chosen = _Choice(instance, tuple(database or ()), at, suspect)
    paths = [file] if file is not None else _chosen(settings, chosen)
    requests = tuple(_request(path, settings, source) for path in paths)
    progress = progress_on(screen)
    receipts = receipting(settings)
    reports = [
        receipts.receipted(request, lambda r: run(r, progress, lambda: datetime.now().astimezone()))
        for request in requests
    ]
    code = receipts.exit_code(exit_code(reports))
    drills = [{**document(report), **receipts.document(i)} for i, report in enumerate(reports)]
    told = {"exit_code": code, "drills": drills}
    for path, text in ((json, as_json(told) + "\n"), (junit_, junit(reports)), (html, page(reports))):
        if path is not None and str(path) != "-":
            _write(path, text)
    shown = ((*drawn(report), *receipts.drawn(i)) for i, report in enumerate(reports))
    screen.result(told, *(item for several in shown for item in several))
    raise typer.Exit(code)


def _settings(named: Path | None, screen: Screen, *, needed: bool) -> Config | None:
    """The config; a file alone can be drilled without one."""
    try:
        return load_config(named, screen)
    except ConfigMissing:
        if needed:
            raise
        return None


def _request(path: Path, settings: Config | None, source: str | None) -> DrillRequest:
    from python_backup.jobs.checks import DrillCheck
    from python_backup.jobs.drill import DrillRequest

    if settings is None:
        return DrillRequest(path, source)
    checks = tuple(DrillCheck(*check) for check in settings.drilling.checks)
    return DrillRequest(path, source, settings.drilling.programs, checks)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which backups are wanted: of one instance or of all that are enabled, of some databases or all."""

    instance: str | None
    databases: tuple[str, ...]
    at: datetime | None
    suspect: bool


def _chosen(settings: Config | None, wanted: _Choice) -> list[Path]:
    """The artifacts to drill.

    Raises:
        UsageError: there is none, or none of a database that was asked for.
    """
    from python_backup.jobs.backups import latest_of_each, list_backups

    if settings is None:
        raise AssertionError("a choice of backups without a config")
    named = [settings.instance(wanted.instance)] if wanted.instance else settings.instances
    ids = {one.id for one in named if wanted.instance or one.enabled}
    moment = None if wanted.at is None else wanted.at.astimezone()
    latest = latest_of_each(list_backups(settings.directory), moment, suspect=wanted.suspect)
    found = [
        backup
        for backup in latest
        if backup.manifest is not None and backup.manifest.instance in ids
        and (not wanted.databases or backup.database in wanted.databases)
    ]  # fmt: skip
    missing = set(wanted.databases) - {backup.database for backup in found}
    if missing or not found:
        what = ", ".join(sorted(missing)) or "any database"
        raise UsageError(
            f"there is no backup of {what} in {settings.directory}"
            + (f" by {wanted.at}" if wanted.at else "")
            + ("" if wanted.suspect else " that is not suspect"),
            hint="`vya-backupdb list` shows those that there are; --suspect takes suspect ones too.",
        )
    return [backup.path for backup in found]


def exit_code(reports: Sequence[DrillReport]) -> int:
    """6 when a backup is bad, else 1 when a drill could not be done."""
    verdicts = {report.verdict.value for report in reports}
    return DIFFERS if "failed" in verdicts else FAILED if "error" in verdicts else 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise StorageFailed(f"{path} cannot be written: {exc.strerror}") from exc


def document(report: DrillReport) -> dict[str, Any]:
    """What ``--json`` gives of one drill."""
    return {
        "path": report.file,
        "started": report.started,
        "verdict": report.verdict,
        "reason": report.reason,
        "hint": report.hint,
        "database": report.database,
        "server": report.server,
        "tables": report.tables,
        "objects": report.objects,
        "differences": report.differences,
        "checks": report.checks,
        "warnings": report.warnings,
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
    }


def drawn(report: DrillReport) -> Iterator[Table | Cell | str]:
    """Each table with what was shown of it, the checks, the time to recover, and the verdict last."""
    if report.tables:
        yield Table(
            [
                Column("table", folds=True),
                Column("rows", right=True),
                Column("restored", right=True),
                Column(""),
            ],
            [
                [
                    table.table,
                    words.number(table.expected),
                    words.number(table.found),
                    Cell(table.equality, BAD if table.table in report.bad_tables else GOOD),
                ]
                for table in report.tables
            ],
        )
        yield ""
    for check in report.checks:
        yield Cell(f"{'ok ' if check.ok else 'bad'}  {check.sql}: {check.found}", GOOD if check.ok else BAD)
    if report.seconds:
        spent = ", ".join(f"{name} {words.duration(seconds)}" for name, seconds in report.seconds.items())
        yield Cell(f"time: {spent}", FAINT)
    if report.reason:
        yield Cell(report.reason, BAD)
    if report.hint:
        yield Cell(report.hint, FAINT)
    on = f" on {report.server}" if report.server else ""
    yield Cell(f"{report.verdict}: {report.file.name}{on}", STYLES[report.verdict])
