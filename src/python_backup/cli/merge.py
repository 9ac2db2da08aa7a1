"""``vya-backupdb restore --merge``: a dump's rows into tables that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from python_backup.cli import words
from python_backup.cli.order import Order, safety_of
from python_backup.cli.plan import changes_drawn
from python_backup.cli.progress import progress_on
from python_backup.cli.render import FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.engines.merged import How
    from python_backup.jobs.merge import MergeReport
    from python_backup.storage.locks import Locks


def run_merge(order: Order, settings: Config, screen: Screen, locks: Locks | None, *, dry_run: bool) -> None:
    """Merges and tells what became of the rows."""
    from python_backup.jobs.merge import MergeRequest, merge

    if order.in_place is not None:
        raise UsageError("--in-place replaces a database, and a merge replaces none")
    asked = order.request(settings, "restore")
    how: How = "add" if order.parts.merge is None else "keep" if order.parts.merge == "keep" else "replace"
    request = MergeRequest(
        file=asked.file,
        instance=asked.instance,
        how=how,
        pick=order.parts.pick(),
        target=asked.target,
        source=asked.source,
        dry_run=dry_run,
        safety=safety_of(settings),
        locks=locks,
    )
    report = merge(request, progress_on(screen))
    screen.result(document(report), *drawn(report))
    for warning in report.warnings:
        screen.warning(warning)


def document(report: MergeReport) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": 0,
        "file": report.file,
        "instance": report.instance.id,
        "dbms": report.instance.dbms,
        "source": report.source,
        "target": report.target,
        "merge": report.how,
        "dry_run": report.dry_run,
        "tables": report.merged,
        "facts": report.facts,
        "changes": [
            {"kind": kind, "count": count, "places": places} for kind, count, places in report.changes
        ],
        "seconds": {step: round(seconds, 3) for step, seconds in report.seconds.items()},
        "warnings": report.warnings,
    }


def drawn(report: MergeReport) -> Iterator[Table | Cell | str]:
    """What was changed, what became of each table's rows, and the sum."""
    yield from changes_drawn(report.changes, places=report.dry_run)
    place = f"{report.target} on {report.instance.label}"
    if report.dry_run:
        rows, tables = words.plural(report.facts.rows, "row"), words.plural(len(report.facts.tables), "table")
        yield Cell(f"dry run: {rows} of {tables} would be merged into {place}; nothing was touched", FAINT)
        return
    if report.merged:
        yield Table(
            [Column("table", folds=True), *(Column(w, right=True) for w in ("added", "kept", "replaced"))],
            [
                [m.table, words.number(m.added), words.number(m.kept), words.number(m.replaced)]
                for m in report.merged
            ],
        )
        yield ""
    for merged in report.merged:
        for sentence in merged.advanced:
            yield Cell(sentence, FAINT)
    sums = [sum(m.added for m in report.merged), sum(m.kept for m in report.merged)]
    replaced = sum(m.replaced for m in report.merged)
    time = words.duration(sum(report.seconds.values()))
    yield Cell(
        f"merged into {place} in {time}: {sums[0]:,} added, {sums[1]:,} kept, {replaced:,} replaced", GOOD
    )
