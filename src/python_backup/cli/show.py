"""``vya-backupdb show``: one table of a backup, its definition and rows; needs no server and no config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli import words
from python_backup.cli.artifacts import fetched, named
from python_backup.cli.options import JsonOption
from python_backup.cli.progress import progress_on
from python_backup.cli.render import FAINT, Cell, Column, Screen, Table

if TYPE_CHECKING:
    from python_backup.jobs.show import Shown, ShownTable

_LONGEST = 40
"""Characters of one value that are drawn; ``--json`` has it whole."""


def show(
    *,
    file: Annotated[str, typer.Argument(metavar="FILE|URL", help="The artifact.", show_default=False)],
    table: Annotated[
        str,
        typer.Option(
            "--table", metavar="NAME", help="The table, or a pattern of several.", show_default=False
        ),
    ],
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many rows of each table are shown.")
    ] = 10,
    json: JsonOption = False,
) -> None:
    """Show a table of a backup: how it is made, its rows; needs no server and no config."""
    from python_backup.jobs.fetch import picked
    from python_backup.jobs.show import pick_of, show_table

    screen = Screen(json=json)
    progress = progress_on(screen)
    with fetched(named(file), picked(pick_of(table)), progress) as here:
        found = show_table(here.path, table, limit, progress)
    found = replace(found, path=here.name_of(found.path))
    screen.result(
        {"exit_code": 0, "path": str(found.path), "definition": found.definition, "tables": found.tables},
        *drawn(found),
    )


def drawn(found: Shown) -> Iterator[Table | Cell | str]:
    """The statements, then each table's rows."""
    for statement in found.definition:
        yield f"{statement.removesuffix(';')};"
    for table in found.tables:
        yield ""
        yield from _rows(table)


def _rows(table: ShownTable) -> Iterator[Table | Cell | str]:
    counted = "rows not counted" if table.rows is None else words.plural(table.rows, "row")
    yield Cell(f"{table.table}: {counted}, {table.digest}", "bold")
    if not table.first:
        return
    names = list(table.first[0])
    yield Table(
        [Column(name, folds=True) for name in names],
        [[_value(row.get(name)) for name in names] for row in table.first],
    )
    if table.rows is None or len(table.first) < table.rows:
        yield Cell(f"the first {words.plural(len(table.first), 'row')}; --limit shows more", FAINT)


def _value(value: str | None) -> str:
    if value is None:
        return "NULL"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
