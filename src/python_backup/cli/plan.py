"""``vya-backupdb plan``: what a restore would do, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import REFUSED
from python_backup.cli.options import ConfigOption, JsonOption, load_config
from python_backup.cli.order import Order, ordered, ordered_file
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Screen, as_json
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.dump.changes import Changes
    from python_backup.engines.finding import Finding
    from python_backup.jobs.plan import Plan
    from python_backup.jobs.restore import RestoreRequest

_STYLES = {"blocks": BAD, "differs": "yellow", "tells": ""}
_VERDICTS = {"ready": GOOD, "ready with changes": "yellow", "blocked": BAD}


@ordered
def plan(
    *,
    context: typer.Context,
    order: Order,
    output: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write the plan for `restore --plan`.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what a restore would do, and what stands against it; touches nothing."""
    screen = Screen(json=json)
    settings = load_config(config, screen)
    if not order.parts.merges:
        show_plan(order, order.request(settings, "plan"), screen, output)
        return
    if output is not None:
        raise UsageError(
            "--output writes the plan of a restore, and a merge is none",
            hint="Leave --output out, and run the merge itself with the same options.",
        )
    from python_backup.cli.merge import refuse_others, run_merge

    refuse_others(context)
    run_merge(context, order, settings, screen, None)


def show_plan(order: Order, request: RestoreRequest, screen: Screen, output: Path | None = None) -> None:
    """Plans, tells it, and ends with the plan's exit code."""
    from python_backup.jobs.plan import plan as make
    from python_backup.jobs.planned import write_plan

    progress = progress_on(screen)
    with ordered_file(order, request, progress) as found:
        local = replace(request, file=found.path)
        made = make(local, progress, lambda: datetime.now().astimezone())
    made = replace(made, file=found.name_of(made.file))
    code = REFUSED if made.verdict == "blocked" else 0
    shown = document(request, made, code)
    if output is not None:
        write_plan(output, as_json(shown).encode("utf-8", "backslashreplace"))
    screen.result(shown, *drawn(made))
    raise typer.Exit(code)


def document(request: RestoreRequest, made: Plan, code: int) -> dict[str, Any]:
    """What ``--json`` prints and ``--output`` writes."""
    from python_backup.jobs.planned import FORMAT, VERSION, Order

    return {
        "format": FORMAT,
        "version": VERSION,
        "exit_code": code,
        "verdict": made.verdict,
        "order": Order.of(request, made),
        "fingerprint": made.fingerprint,
        "dbms": made.instance.dbms,
        "source": made.source,
        "target": made.target,
        "facts": made.facts,
        "replaced": made.replaced is not None,
        "before": made.before,
        "dropped": made.dropped,
        "changes": [{"kind": kind, "count": count, "places": places} for kind, count, places in made.changes],
        "findings": made.findings,
        "seconds_at_least": round(made.seconds, 3),
    }


def drawn(made: Plan) -> Iterator[Cell | str]:
    """What is done, in its order, then what was found, and the verdict last."""
    yield from _deeds(made)
    yield ""
    yield from changes_drawn(made.changes, places=True)
    for severity, title in (("blocks", "in the way:"), ("differs", "would differ:"), ("tells", "also:")):
        some = [finding for finding in made.findings if finding.severity == severity]
        if some:
            yield title
            for finding in some:
                yield from _finding(finding)
            yield ""
    style = _VERDICTS[made.verdict]
    yield Cell(f"{made.verdict}: {made.target} on {made.instance.label}; nothing was touched", style)


def _deeds(made: Plan) -> Iterator[str]:
    rows, tables = words.plural(made.facts.rows, "row"), words.plural(len(made.facts.tables), "table")
    yield f"file      {made.file.name}, {words.size(made.fingerprint.artifact.size)}"
    if made.manifest is not None:
        yield f"taken     {words.moment(made.manifest.started)}"
    yield f"make      {made.target} on {made.instance.label}: {rows} in {tables}"
    objects = [
        f"{kind.replace('_', ' ')}: {len(names):,}"
        for kind, names in made.facts.objects.items()
        if kind != "tables"
    ]
    if objects:
        yield f"          {', '.join(objects)}"
    if made.replaced is not None:
        tables = words.plural(len(made.replaced.tables), "table")
        yield f"replace   what is there: {words.plural(made.replaced.rows, 'row')} in {tables}"
    if made.in_place:
        yield "in place  it is backed up, emptied, and filled; put back if that fails"
    if made.before is not None:
        yield f"keep      it as {made.before}, for `rollback`"
    for name in made.dropped:
        yield f"drop      {name}, which is no longer kept"
    yield f"time      at least {words.duration(made.seconds)}, as long as {made.seconds_of}"


def _finding(finding: Finding) -> Iterator[Cell | str]:
    yield Cell(f"  {finding.text}", _STYLES[finding.severity])
    if finding.hint and finding.severity != "tells":
        yield Cell(f"      {finding.hint}", FAINT)


def changes_drawn(changes: Changes, *, places: bool) -> Iterator[Cell | str]:
    """Each kind of change with its count, and with its first places."""
    if not changes.counts:
        return
    yield "changed on the way:"
    for kind, count, kept in changes:
        yield f"  {words.number(count)} x {kind}"
        for place in kept if places else ():
            after = f" -> {place.after}" if place.after else ""
            yield Cell(f"      line {place.line}: {place.before}{after}", FAINT)
    yield ""
