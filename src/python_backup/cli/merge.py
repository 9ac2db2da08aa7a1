"""``vya-backupdb restore --merge``: a dump's rows into tables that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from python_backup.cli import words
from python_backup.cli.options import given
from python_backup.cli.order import Order, ordered_file, safety_of
from python_backup.cli.plan import changes_drawn
from python_backup.cli.progress import progress_on
from python_backup.cli.render import FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.engines.merged import How
    from python_backup.jobs.merge import MergeReport
    from python_backup.storage.locks import Locks


_TAKES = frozenset(
    (
        *("file", "instance", "target", "source", "table", "exclude_table", "schema", "schema_only"),
        *("data_only", "merge", "dry_run", "wait", "config", "json"),
        *("bwlimit", "nice", "max_lag", "max_load"),
    )
)
"""The options of `restore` and `plan` that mean something for a merge, or have a refusal of their own."""


def refuse_others(context: typer.Context) -> None:
    """No option is taken without being heeded.

    Raises:
        UsageError: one that means nothing for a merge was given.
    """
    others = [option for name, option in given(context).items() if name not in _TAKES]
    if others:
        mean = "means" if len(others) == 1 else "mean"
        raise UsageError(
            f"{', '.join(others)} {mean} nothing for a merge (--merge, --data-only)",
            hint="Leave that out: a merge sends rows alone, in one transaction, into tables that stay as they"
            " are; it asks nothing, and counts what it did.",
        )


def run_merge(
    context: typer.Context, order: Order, settings: Config, screen: Screen, locks: Locks | None
) -> None:
    """Merges and tells what became of the rows; without ``locks`` it tells what would."""
    from python_backup.jobs.merge import MergeRequest, merge, read_of

    asked = order.request(settings, context.info_name or "")
    how: How = "add" if order.parts.merge is None else "keep" if order.parts.merge == "keep" else "replace"
    pick = order.parts.pick()
    progress = progress_on(screen)
    with ordered_file(order, replace(asked, pick=read_of(pick)), progress) as found:
        request = MergeRequest(
            file=found.path,
            instance=asked.instance,
            how=how,
            pick=pick,
            target=asked.target,
            source=asked.source,
            dry_run=locks is None,
            safety=safety_of(settings),
            locks=locks,
        )
        report = merge(request, progress)
    report = replace(report, file=found.name_of(report.file))
    screen.result(document(report), *drawn(report))
    for warning in report.warnings:
        screen.warning(warning)


def document(report: MergeReport) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": 0,
        "file": str(report.file),
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
