"""``vya-backupdb restore``: one artifact into a database, asked before, compared after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.artifacts import named
from python_backup.cli.exit_codes import DIFFERS
from python_backup.cli.jobs import jobs_of
from python_backup.cli.merge import refuse_others, run_merge
from python_backup.cli.options import ConfigOption, JsonOption, given, load_config
from python_backup.cli.order import JobsOption, Order, PropertiesFrom, ordered, ordered_file
from python_backup.cli.plan import changes_drawn, show_plan
from python_backup.cli.progress import Shown, progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.cli.rollback import command, settle
from python_backup.cli.running import WaitOption, called_in, locks_of
from python_backup.cli.throttling import Throttling, throttled
from python_backup.errors import FactsDiffer, TargetExists, UsageError
from python_backup.log.events import Event
from python_backup.log.lines import printable
from python_backup.log.tell import explained, tell

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.compare import TableCompared
    from python_backup.jobs.restore import Replacement, RestoreReport, RestoreRequest

TABLES_SHOWN = 40
"""How many tables are listed; those that differ come first."""

NAMES_SHOWN = 10
"""How many differing things the error names; the tables and ``--json`` have all."""

_PlannedOption = Annotated[
    Path | None,
    typer.Option(
        "--plan", metavar="PLAN.json", help="Do just what was planned, or nothing.", show_default=False
    ),
]
_ForceOption = Annotated[bool, typer.Option("--force", help="Replace an existing database without asking.")]
_ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume", help="Keep what is loaded of parts when cut; go on with what an earlier run kept."
    ),
]
_SettleOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="End what a killed restore of NAME left.", show_default=False),
]
_VERDICTS = {True: Cell("equal", GOOD), False: Cell("differs", BAD), None: Cell("not counted", FAINT)}


@ordered
@throttled
def restore(
    *,
    context: typer.Context,
    order: Order,
    throttling: Throttling,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; touch nothing.")] = False,
    planned: _PlannedOption = None,
    force: _ForceOption = False,
    jobs: JobsOption = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not compare before it counts.")] = False,
    resume: _ResumeOption = False,
    resume_or_undo: _SettleOption = None,
    wait: WaitOption = 0.0,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Restore an artifact beside the target, compare it, and let it take over."""
    screen = Screen(json=json)
    if resume_or_undo is not None:
        _only_instance(context)
        settings = load_config(config, screen)
        locks = locks_of(context, settings, screen, wait)
        settle(resume_or_undo, order.instance or "", settings, screen, locks)
        return
    settings = load_config(config, screen)
    settings = throttling.begin(settings, screen)
    if order.parts.merges and planned is None:
        refuse_others(context)
        locked = None if dry_run else locks_of(context, settings, screen, wait)
        run_merge(context, order, settings, screen, locked)
        return
    if planned is not None:
        order, request = _as_planned(planned, order, settings)
    else:
        request = order.request(settings, "restore")
    if dry_run and resume:
        raise UsageError("--resume is for a restore, and --dry-run makes none", hint="Leave one of them out.")
    if dry_run:
        show_plan(order, request, screen)
    locks = locks_of(context, settings, screen, wait)
    request = replace(
        request,
        force=force or request.force,
        verify=not no_verify,
        locks=locks,
        jobs=jobs_of(jobs, settings.restore_jobs),
        resume=resume,
    )
    _run(order, request, screen, called_in(context).databases)


def _only_instance(context: typer.Context) -> None:
    told = set(given(context))
    if "instance" not in told or told - {"resume_or_undo", "instance", "wait", "config", "json"}:
        raise UsageError(
            "--resume-or-undo takes --instance ID and nothing else",
            hint="It needs no file: vya-backupdb restore --resume-or-undo NAME --instance ID",
        )


def _as_planned(path: Path, order: Order, settings: Config) -> tuple[Order, RestoreRequest]:
    """The order and request that were planned; who gives a plan has agreed to what it replaces."""
    from python_backup.jobs.planned import read_plan

    if order != Order(None, None):
        raise UsageError(
            "--plan says what is restored where, and how; leave out all other of that",
            hint="For a merge, leave out --plan: it is planned with --dry-run."
            if order.parts.merges
            else None,
        )
    plan = read_plan(path)
    wanted = plan.order
    properties = PropertiesFrom.target if wanted.keep_properties else PropertiesFrom.dump
    planned = Order(
        named(wanted.file),
        wanted.instance,
        wanted.target,
        wanted.source,
        wanted.disconnect,
        properties,
        wanted.in_place,
    )
    request = planned.request(settings, "restore")
    return planned, replace(
        request, force=True, planned=plan.fingerprint, pick=wanted.pick, choices=wanted.choices
    )


def _run(order: Order, request: RestoreRequest, screen: Screen, kept: list[dict[str, Any]]) -> None:
    from python_backup.jobs.restore import restore as run

    progress = progress_on(screen)
    with ordered_file(order, request, progress) as found:
        report = run(
            replace(request, file=found.path),
            lambda replacement: confirm(replacement, screen, progress, datetime.now().astimezone()),
            progress,
            lambda: datetime.now().astimezone(),
        )
    report = replace(report, file=found.name_of(report.file))
    code = 0 if report.equal else DIFFERS
    kept.append(_kept(report))
    screen.result(document(report, code), *drawn(report))
    for warning in report.warnings:
        screen.warning(warning)
    if report.comparison and code:
        error = differing(report)
        tell(Event.RUN_FAILED, error.message, **explained(error), exit_code=code)
        screen.failure(error)
    raise typer.Exit(code)


def confirm(replacement: Replacement, screen: Screen, progress: Shown, now: datetime) -> bool:
    """Asks whether the existing database may go.

    Raises:
        TargetExists: nobody is there to ask.
    """
    name = printable(repr(replacement.target))
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


def differing(report: RestoreReport) -> FactsDiffer:
    """The error that names what differs, and says what became of the target."""
    comparison = report.comparison
    if comparison is None:
        raise AssertionError("nothing was compared")
    names = [t.table for t in comparison.tables if t.equal is False]
    names += [f"{o.kind} ({', '.join(o.missing + o.unexpected)})" for o in comparison.objects if not o.equal]
    names += comparison.differences
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return FactsDiffer(
        f"what was restored is not what the dump says: {', '.join(names[:NAMES_SHOWN])}{more};"
        f" {_unharmed(report)}",
        hint="`--json` gives all that was compared; --no-verify with another --target lets you look at it.",
    )


def _unharmed(report: RestoreReport) -> str:
    if report.safety is not None:
        return f"database {report.target!r} was put back from its safety backup {report.safety}"
    return f"it was dropped, and database {report.target!r} is what it was"


def _kept(report: RestoreReport) -> dict[str, Any]:
    """What the run's record has of it."""
    return {
        "instance": report.instance.id,
        "dbms": report.instance.dbms,
        "database": report.target,
        "outcome": "done" if report.taken_over else "differs",
        "path": str(report.file),
        "source": report.source,
        "replaced": report.replaced,
        "before": report.before,
        "safety": report.safety,
        "rows": report.facts.rows,
        "seconds": round(sum(report.seconds.values()), 3),
        "warnings": report.warnings,
        "error": None,
    }


def document(report: RestoreReport, code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    comparison = report.comparison
    return {
        "exit_code": code,
        "file": str(report.file),
        "instance": report.instance.id,
        "dbms": report.instance.dbms,
        "source": report.source,
        "target": report.target,
        "replaced": report.replaced,
        "taken_over": report.taken_over,
        "before": report.before,
        "safety": report.safety,
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
    yield from changes_drawn(report.changes, places=False)
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
    if report.before is not None:
        again = command(report.target, report.instance.id)
        yield Cell(f"what it held is kept as {report.before}; `{again}` puts it back", FAINT)
    if report.safety is not None and report.taken_over:
        yield Cell(f"what it held is in the safety backup {report.safety}", FAINT)


def _verdict(report: RestoreReport) -> Cell:
    rows, tables = words.plural(report.facts.rows, "row"), words.plural(len(report.facts.tables), "table")
    place = f"{report.target} on {report.instance.label}"
    time = words.duration(sum(report.seconds.values()))
    done = f"{'replaced' if report.replaced else 'restored'} {place} in {time}"
    if report.comparison is None:
        return Cell(f"{done}: {rows} in {tables}; not compared", "yellow")
    if report.equal:
        return Cell(f"{done}: {rows} in {tables}, equal to the dump", GOOD)
    return Cell(f"{place} was not restored: what was made of the dump differs from it", BAD)


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
