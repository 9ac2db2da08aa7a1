"""``vya-backupdb diff``: what changed between two backups; needs no server and no config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.artifacts import fetched, named
from python_backup.cli.exit_codes import DIFFERS
from python_backup.cli.options import JsonOption
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table

if TYPE_CHECKING:
    from python_backup.jobs.diff import DiffReport, Side
    from python_backup.jobs.progress import Progress
    from python_backup.jobs.rows import RowChange, RowsReport

_LONGEST = 60
"""Characters of one value that are drawn; ``--json`` has it whole."""

_STYLES = {"added": GOOD, "removed": BAD, "changed": "yellow", "unknown": FAINT}


def diff(
    *,
    before: Annotated[
        str,
        typer.Argument(
            metavar="A", help="The earlier artifact, or its manifest: a path or URL.", show_default=False
        ),
    ],
    after: Annotated[
        str,
        typer.Argument(
            metavar="B", help="The later artifact, or its manifest: a path or URL.", show_default=False
        ),
    ],
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="TABLE",
            help="Show the changed rows of this table; reads both artifacts.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many rows --rows shows; it counts all.")
    ] = 100,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 6 where anything changed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tell what changed between two backups; needs no server and no config."""
    from python_backup.jobs.diff import diff as compare
    from python_backup.jobs.fetch import FACTS, rows_of

    screen = Screen(json=json)
    progress = progress_on(screen)
    wanted = FACTS if rows is None else rows_of(rows)
    with (
        fetched(named(before), wanted, progress) as old,
        fetched(named(after), wanted, progress) as new,
    ):
        report = compare(old.path, new.path, progress)
        found = _rows(report, rows, limit, progress)
    report = replace(
        report,
        before=replace(report.before, path=old.name_of(report.before.path)),
        after=replace(report.after, path=new.name_of(report.after.path)),
    )
    if found is not None:
        code = DIFFERS if exit_code and not found.same else 0
        screen.result({"exit_code": code, **rows_document(found)}, *drawn_rows(found))
        raise typer.Exit(code)
    code = DIFFERS if exit_code and not report.same else 0
    screen.result({"exit_code": code, **document(report)}, *drawn(report))
    raise typer.Exit(code)


def _rows(report: DiffReport, table: str | None, limit: int, progress: Progress) -> RowsReport | None:
    if table is None:
        return None
    from python_backup.jobs.rows import changed_rows

    return changed_rows(report, table, limit, progress)


def document(report: DiffReport) -> dict[str, Any]:
    """What ``--json`` gives."""
    return {
        "same": report.same,
        "comparable": report.comparable,
        "before": _side(report.before),
        "after": _side(report.after),
        "tables": report.tables,
        "objects": report.objects,
        "sequences": report.sequences,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "path": str(side.path),
        "database": side.database,
        "taken": side.taken,
        "writer": side.writer,
        "rows": side.facts.rows,
    }


def drawn(report: DiffReport) -> Iterator[Table | Cell | str]:
    """What changed: tables, objects, sequences; the sum of it last."""
    tables = [table for table in report.tables if table.content != "same"]
    if tables:
        yield Table(
            [
                Column("table", folds=True),
                Column("before", right=True),
                Column("after", right=True),
                Column("rows", right=True),
                Column(""),
            ],
            [
                [
                    table.table,
                    words.number(table.before),
                    words.number(table.after),
                    _growth(table.before, table.after),
                    Cell(table.content, _STYLES[table.content]),
                ]
                for table in tables
            ],
        )
        yield ""
    if any(table.content == "changed" for table in tables):
        yield Cell("changed: other rows, or the same in another order; --rows TABLE tells which", FAINT)
    lists = (("added", "added"), ("removed", "removed"), ("changed", "changed"))
    for kind in report.objects:
        for word, style in lists:
            if names := getattr(kind, word):
                yield Cell(f"{kind.kind} {word}: {', '.join(names)}", _STYLES[style])
    for one in report.sequences:
        yield f"sequence {one.sequence}: {_said(one.before)} to {_said(one.after)}"
    if not report.comparable:
        yield Cell(
            f"{report.before.writer} wrote the first, {report.after.writer} the second:"
            " where the rows are as many, their content cannot be compared",
            FAINT,
        )
    yield _sum(report)


def rows_document(found: RowsReport) -> dict[str, Any]:
    """What ``--rows`` gives with ``--json``."""
    return {
        "same": found.same,
        "table": found.table,
        "key": found.key,
        "columns": {"before": found.columns_before, "after": found.columns_after},
        "added": found.added,
        "removed": found.removed,
        "changed": found.changed,
        "rows": found.rows,
    }


def drawn_rows(found: RowsReport) -> Iterator[Table | Cell | str]:
    """A line for each row, and the counts."""
    signs = {"added": "+", "removed": "-", "changed": "~"}
    for row in found.rows:
        key = ", ".join(f"{column}={_value(value)}" for column, value in row.key.items())
        yield Cell(" ".join(filter(None, (signs[row.change], key, _values(row)))), _STYLES[row.change])
    if found.columns_before and found.columns_after and found.columns_before != found.columns_after:
        before, after = (", ".join(columns) for columns in (found.columns_before, found.columns_after))
        yield Cell(f"its columns were {before}, and are {after}", FAINT)
    if not found.key:
        yield Cell(f"{found.table} has no primary key: a changed row is one removed and one added", FAINT)
    if len(found.rows) < found.added + found.removed + found.changed:
        yield Cell(f"{len(found.rows)} of them are shown; --limit shows more", FAINT)
    yield Cell(
        f"{found.table}: {words.number(found.added)} added, {words.number(found.removed)} removed,"
        f" {words.number(found.changed)} changed",
        GOOD if found.same else "bold",
    )


def _values(row: RowChange) -> str:
    """What changed in a row, or all that it had or has beside its key."""
    before, after = row.before or {}, row.after or {}
    names = [name for name in {**before, **after} if name not in row.key]
    if row.before is None or row.after is None:
        return ", ".join(f"{name}={_value({**before, **after}[name])}" for name in names)
    changes = (name for name in names if before.get(name, "") != after.get(name, ""))
    return ", ".join(f"{name}: {_value(before.get(name))} -> {_value(after.get(name))}" for name in changes)


def _value(value: str | None) -> str:
    if value is None:
        return "NULL"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"


def _sum(report: DiffReport) -> Cell:
    if report.same:
        return Cell(f"nothing changed in {words.plural(len(report.tables), 'table')}", GOOD)
    changed = sum(1 for table in report.tables if table.content not in ("same", "unknown"))
    return Cell(f"{changed} of {words.plural(len(report.tables), 'table')} changed", "bold")


def _growth(before: int | None, after: int | None) -> str:
    return "" if before is None or after is None or before == after else f"{after - before:+,}"


def _said(value: int | None) -> str:
    return "nothing" if value is None else str(value)
