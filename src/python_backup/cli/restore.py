"""``vya-backupdb restore``: one artifact into a database, asked before, compared after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import DIFFERS
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.progress import Shown, progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import FactsDiffer, TargetExists, UsageError

if TYPE_CHECKING:
    from python_backup.dump.changes import Changes
    from python_backup.jobs.compare import Comparison, TableCompared
    from python_backup.jobs.restore import Replacement, RestoreReport

TABLES_SHOWN = 40
"""How many tables are listed; those that differ come first."""

NAMES_SHOWN = 10
"""How many differing things the error names; the tables and ``--json`` have all."""

_VERDICTS = {True: Cell("equal", GOOD), False: Cell("differs", BAD), None: Cell("not counted", FAINT)}


def restore(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="PATH", help="The artifact, or any dump.", show_default=False),
    ] = None,
    instance: InstanceOption = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="NAME",
            help="The database to make; else the name in manifest, dump or file name.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which database of a dump of several.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read it all, show what would change; touch nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing database without asking.")
    ] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not compare afterwards.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Restore an artifact, and compare the database with it."""
    screen = Screen(json=json)
    if file is None or instance is None:
        missing = " and ".join(
            n for n, v in (("--file PATH", file), ("--instance ID", instance)) if v is None
        )
        raise UsageError(f"restore needs {missing}", hint="See `vya-backupdb restore --help`.")
    settings = load_config(config, screen)

    from python_backup.jobs.restore import RestoreRequest
    from python_backup.jobs.restore import restore as run

    request = RestoreRequest(
        file=file,
        instance=settings.instance(instance),
        target=target,
        source=source,
        dry_run=dry_run,
        force=force,
        verify=not no_verify,
    )
    progress = progress_on(screen)
    report = run(
        request,
        lambda replacement: confirm(replacement, screen, progress, datetime.now().astimezone()),
        progress,
        lambda: datetime.now().astimezone(),
    )
    code = 0 if report.equal else DIFFERS
    screen.result(document(report, code), *drawn(report))
    for warning in report.warnings:
        screen.warning(warning)
    if report.comparison and code:
        screen.failure(differing(report.target, report.comparison))
    raise typer.Exit(code)


def confirm(replacement: Replacement, screen: Screen, progress: Shown, now: datetime) -> bool:
    """Asks whether the existing database may go.

    Raises:
        TargetExists: nobody is there to ask.
    """
    name = words.printable(repr(replacement.target))
    if not screen.interactive:
        raise TargetExists(
            f"database {name} exists, and there is no terminal to ask",
            hint="Give --force to replace it, or another name with --target.",
        )
    taken = replacement.taken
    with progress.paused():
        screen.warning(f"database {name} exists and would be replaced by")
        screen.note(f"  file    {replacement.file}, {words.size(replacement.size)}")
        if taken:
            aware = taken if taken.tzinfo else taken.astimezone()
            screen.note(f"  taken   {words.moment(taken)}, {words.age(now - aware)}")
        screen.note(
            f"  holds   {words.plural(replacement.rows, 'row')} of {replacement.source or 'a database'}"
        )
        return screen.ask(f"Replace {replacement.target}? [y/N]").lower() in {"y", "yes"}


def differing(target: str, comparison: Comparison) -> FactsDiffer:
    """The error that names what differs."""
    names = [t.table for t in comparison.tables if t.equal is False]
    names += [f"{o.kind} ({', '.join(o.missing + o.unexpected)})" for o in comparison.objects if not o.equal]
    names += comparison.differences
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return FactsDiffer(
        f"database {target!r} is not what the dump says: {', '.join(names[:NAMES_SHOWN])}{more}",
        hint="Do not use it before you know why; `--json` gives all that was compared.",
    )


def document(report: RestoreReport, code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    comparison = report.comparison
    return {
        "exit_code": code,
        "file": report.file,
        "instance": report.instance.id,
        "dbms": report.instance.dbms,
        "source": report.source,
        "target": report.target,
        "replaced": report.replaced,
        "dry_run": report.dry_run,
        "verified": comparison is not None,
        "equal": comparison.equal if comparison else None,
        "seconds": {step: round(seconds, 3) for step, seconds in report.seconds.items()},
        "rows": report.facts.rows,
        "facts": report.facts,
        "tables": [
            {"table": t.table, "expected": t.expected, "found": t.found, "equal": t.equal}
            for t in (comparison.tables if comparison else ())
        ],
        "objects": [
            {
                "kind": o.kind,
                "expected": o.expected,
                "found": o.found,
                "missing": o.missing,
                "unexpected": o.unexpected,
                "equal": o.equal,
            }
            for o in (comparison.objects if comparison else ())
        ],
        "differences": comparison.differences if comparison else (),
        "changes": [
            {"kind": kind, "count": count, "places": places} for kind, count, places in report.changes
        ],
        "warnings": report.warnings,
    }


def drawn(report: RestoreReport) -> Iterator[Table | Cell | str]:
    """What was changed, the comparison, and the verdict last."""
    yield from _changes(report.changes, places=report.dry_run)
    compared = report.comparison
    if compared and compared.tables:
        yield from _tables(compared.tables)
        yield ""
    if compared and compared.objects:
        yield Table(
            [
                Column("objects"),
                Column("in dump", right=True),
                Column("restored", right=True),
                Column("verdict"),
            ],
            [
                [o.kind, words.number(o.expected), words.number(o.found), _VERDICTS[o.equal]]
                for o in compared.objects
            ],
        )
        yield ""
    yield _verdict(report)


def _verdict(report: RestoreReport) -> Cell:
    rows, tables = words.plural(report.facts.rows, "row"), words.plural(len(report.facts.tables), "table")
    place = f"{report.target} on {report.instance.label}"
    if report.dry_run:
        what = "replaced" if report.replaced else "made"
        return Cell(f"dry run: {place} would be {what}, with {rows} in {tables}; nothing was touched", FAINT)
    time = words.duration(sum(report.seconds.values()))
    done = f"{'replaced' if report.replaced else 'restored'} {place} in {time}"
    if report.comparison is None:
        return Cell(f"{done}: {rows} in {tables}; not compared", "yellow")
    if report.equal:
        return Cell(f"{done}: {rows} in {tables}, equal to the dump", GOOD)
    return Cell(f"{done}: it differs from the dump", BAD)


def _tables(tables: tuple[TableCompared, ...]) -> Iterator[Table | Cell]:
    order = sorted(tables, key=lambda t: t.equal is not False)
    yield Table(
        [
            Column("table", folds=True),
            Column("rows in dump", right=True),
            Column("restored", right=True),
            Column("verdict"),
        ],
        [
            [t.table, words.number(t.expected), words.number(t.found), _VERDICTS[t.equal]]
            for t in order[:TABLES_SHOWN]
        ],
    )
    rest = order[TABLES_SHOWN:]
    if rest:
        bad = sum(t.equal is False for t in rest)
        yield Cell(
            f"and {words.plural(len(rest), 'table')} more, {bad} of them differing", BAD if bad else FAINT
        )


def _changes(changes: Changes, *, places: bool) -> Iterator[Cell | str]:
    if not changes.counts:
        return
    yield "changed on the way:"
    for kind, count, kept in changes:
        yield f"  {words.number(count)} x {kind}"
        for place in kept if places else ():
            after = f" -> {place.after}" if place.after else ""
            yield Cell(f"      line {place.line}: {place.before}{after}", FAINT)
    yield ""
