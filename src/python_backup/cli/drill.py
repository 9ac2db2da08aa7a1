"""``vya-backupdb drill``: a backup restored into a throw-away server, and a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import DIFFERS, FAILED
from python_backup.cli.options import JsonOption
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table

if TYPE_CHECKING:
    from python_backup.jobs.drill import DrillReport

_CODES = {"proven": 0, "failed": DIFFERS, "error": FAILED}
_STYLES = {"proven": GOOD, "failed": BAD, "error": BAD}


def drill(
    *,
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="PATH", help="The artifact.", show_default=False)
    ],
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The database, of a dump of several.", show_default=False),
    ] = None,
    programs: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A folder of server programs to prefer.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Restore a backup into a throw-away server, and tell whether it is what was dumped."""
    from python_backup.jobs.drill import DrillRequest
    from python_backup.jobs.drill import drill as run

    screen = Screen(json=json)
    request = DrillRequest(file, source, tuple(programs or ()))
    report = run(request, progress_on(screen), lambda: datetime.now().astimezone())
    code = _CODES[report.verdict]
    screen.result({"exit_code": code, **document(report)}, *drawn(report))
    raise typer.Exit(code)


def document(report: DrillReport) -> dict[str, Any]:
    """What ``--json`` prints of one drill."""
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
        "warnings": report.warnings,
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
    }


def drawn(report: DrillReport) -> Iterator[Table | Cell | str]:
    """Each table and kind with what was shown of it, the time to recover, and the verdict last."""
    if report.tables:
        rows: list[list[str | Cell]] = [
            [
                table.table,
                words.number(table.expected or 0),
                words.number(table.found or 0),
                Cell(table.equality, GOOD if table.equality == "identical" else BAD),
            ]
            for table in report.tables
        ]
        yield Table(
            [
                Column("table", folds=True),
                Column("rows", right=True),
                Column("restored", right=True),
                Column(""),
            ],
            rows,
        )
        yield ""
    if report.seconds:
        spent = ", ".join(f"{name} {words.duration(seconds)}" for name, seconds in report.seconds.items())
        yield Cell(f"time: {spent}", FAINT)
    if report.reason:
        yield Cell(report.reason, BAD)
    if report.hint:
        yield Cell(report.hint, FAINT)
    on = f" on {report.server}" if report.server else ""
    yield Cell(f"{report.verdict}: {report.file.name}{on}", _STYLES[report.verdict])
