"""What a drill showed, as people and programs read it, and the exit code that it ends with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from python_backup.cli import words
from python_backup.cli.exit_codes import DIFFERS, FAILED
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Table

if TYPE_CHECKING:
    from python_backup.jobs.drill import DrillReport

STYLES = {"proven": GOOD, "failed": BAD, "error": BAD, "stale": BAD}


def exit_code(reports: Sequence[DrillReport]) -> int:
    """6 when a backup is bad or its proof too old, else 1 when a drill could not be done."""
    verdicts = {report.verdict.value for report in reports}
    return DIFFERS if verdicts & {"failed", "stale"} else FAILED if "error" in verdicts else 0


def document(report: DrillReport) -> dict[str, Any]:
    """What ``--json`` gives of one drill."""
    return {
        "path": str(report.file),
        "started": report.started,
        "verdict": report.verdict,
        "reason": report.reason,
        "hint": report.hint,
        "equality": report.equality,
        "database": report.database,
        "server": report.server,
        "tables": report.tables,
        "objects": report.objects,
        "differences": report.differences,
        "checks": report.checks,
        "warnings": report.warnings,
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
        "recovery": report.recovery,
        "kept": report.kept,
    }


def drawn(report: DrillReport) -> Iterator[Table | Cell | str]:
    """Each table with what was shown of it, the checks, the time to recover, and the verdict last."""
    if report.tables:
        yield Table(
            [
                Column("table", folds=True),
                Column("rows", right=True),
                Column("restored", right=True),
                Column("bytes", right=True, spare=True),
                Column("time", right=True, spare=True),
                Column(""),
            ],
            [
                [
                    table.table,
                    words.number(table.expected),
                    words.number(table.found),
                    words.size(table.size),
                    words.duration(table.seconds),
                    Cell(table.equality, BAD if table.table in report.bad_tables else GOOD),
                ]
                for table in report.tables
            ],
        )
        yield ""
    if report.objects:
        yield from _objects(report)
    for check in report.checks:
        yield Cell(f"{'ok ' if check.ok else 'bad'}  {check.sql}: {check.found}", GOOD if check.ok else BAD)
    if report.recovery:
        yield Cell(f"time to recover: {recovery(report)}", FAINT)
    for warning in report.warnings:
        yield Cell(f"warning: {warning}", "yellow")
    if report.reason:
        yield Cell(report.reason, BAD)
    if report.hint:
        yield Cell(report.hint, FAINT)
    if report.kept:
        yield f"kept; to connect: {report.kept.connect}"
        yield f"      to end it:  {report.kept.end}"
    on = f" on {report.server}" if report.server else ""
    shown = f": {report.equality}" if report.verdict == "proven" and report.equality else ""
    yield Cell(f"{report.verdict}{shown}: {report.file.name}{on}", STYLES[report.verdict])


def recovery(report: DrillReport) -> str:
    """The time to recover: ``get 0.20 s, restore 3.10 s, index 1.20 s, verify 2.40 s``."""
    return ", ".join(f"{part} {words.duration(spent)}" for part, spent in report.recovery.items())


def _objects(report: DrillReport) -> Iterator[Table | str]:
    columns = [
        Column("objects"),
        Column("in the backup", right=True),
        Column("restored", right=True),
        Column(""),
    ]
    yield Table(
        columns,
        [
            [
                kind.kind.replace("_", " "),
                words.number(kind.expected),
                words.number(kind.found),
                Cell("equal", GOOD) if kind.equal else Cell("differs", BAD),
            ]
            for kind in report.objects
        ],
    )
    yield ""
