"""``vya-backupdb verify``: artifacts against their manifests, checksums and ends; no server needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.artifacts import fetched, named
from python_backup.cli.exit_codes import CORRUPT, DIFFERS, REFUSED
from python_backup.cli.options import JsonOption
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table, error_document
from python_backup.cli.throttling import Throttling, slowed
from python_backup.errors import BackupError

if TYPE_CHECKING:
    from python_backup.jobs.verify import VerifyReport
    from python_backup.storage.stores.place import Named

_OF_CONTENT = {"facts", "sequences", "rows", "statements"}
"""What differs in bytes that are those that were written."""
_STATES = {True: Cell("ok", GOOD), False: Cell("bad", BAD), None: Cell("-", FAINT)}


@slowed
def verify(
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE|URL...", help="Artifacts.", show_default=False)],
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Look at every table, row and statement as well; exit 6 where a table differs."
        ),
    ] = False,
    throttling: Throttling,
    json: JsonOption = False,
) -> None:
    """Check artifacts; needs no server and no config."""
    from python_backup.jobs.fetch import WHOLE
    from python_backup.jobs.verify import verify_artifact

    screen = Screen(json=json)
    throttling.be_nice(screen)
    progress = progress_on(screen)
    outcomes: list[tuple[Named, VerifyReport | BackupError]] = []
    for path in [named(file) for file in files]:
        try:
            with fetched(path, WHOLE, progress, throttling.bwlimit) as found:
                report = verify_artifact(found.path, progress, deep=deep, bwlimit=throttling.bwlimit)
            outcomes.append((path, report.told(found.told)))
        except BackupError as exc:
            outcomes.append((path, exc))
    codes = [_code(outcome) for _, outcome in outcomes]
    code = max(codes, key=lambda c: (c == CORRUPT, c))
    screen.result(
        {"exit_code": code, "files": [_one(path, outcome) for path, outcome in outcomes]},
        *(item for path, outcome in outcomes for item in _drawn(path, outcome)),
    )
    for _, outcome in outcomes:
        if isinstance(outcome, BackupError):
            screen.failure(outcome)
    raise typer.Exit(code)


def _code(outcome: VerifyReport | BackupError) -> int:
    if isinstance(outcome, BackupError):
        return outcome.exit_code
    failed = {check.name for check in outcome.checks if check.ok is False}
    if not failed:
        return 0
    if outcome.deep and failed == {"statements"}:
        return REFUSED
    return DIFFERS if outcome.deep and failed <= _OF_CONTENT else CORRUPT


def _one(path: Named, outcome: VerifyReport | BackupError) -> dict[str, Any]:
    if isinstance(outcome, BackupError):
        return {
            "path": str(path),
            "good": False,
            "checks": [],
            "facts": None,
            "error": error_document(outcome),
        }
    looked = {"tables": outcome.tables, "objects": outcome.objects} if outcome.deep else {}
    return {
        "path": str(path),
        "good": outcome.good,
        "checks": outcome.checks,
        "facts": outcome.facts,
        **looked,
        "error": None,
    }


def _drawn(path: Named, outcome: VerifyReport | BackupError) -> Iterator[Table | Cell | str]:
    if isinstance(outcome, BackupError):
        yield Cell(f"{path}: cannot be verified", BAD)
        return
    checks: list[list[str | Cell]] = [
        [Cell(f"  {check.name}"), _STATES[check.ok], check.detail] for check in outcome.checks
    ]
    yield Table([Column(str(path), folds=True), Column(""), Column("", folds=True)], checks)
    yield ""
    if outcome.tables:
        yield _tables(outcome)
        yield ""
    if not outcome.good:
        bad = ", ".join(check.name for check in outcome.checks if check.ok is False)
        yield Cell(f"{path.name} is not good: {bad}", BAD)
    elif outcome.facts:
        tables = words.plural(len(outcome.facts.tables), "table")
        yield Cell(f"{path.name} is good: {words.plural(outcome.facts.rows, 'row')} in {tables}", GOOD)
    else:
        yield Cell(f"{path.name} is good", GOOD)


def _tables(outcome: VerifyReport) -> Table:
    """Each table, its rows as the manifest says and as they are, and what that makes it."""
    columns = [Column("table", folds=True), Column("manifest", right=True), Column("dump", right=True)]
    rows: list[list[str | Cell]] = [
        [
            table.table,
            words.number(table.expected),
            words.number(table.found),
            Cell(table.fault or table.state, GOOD if table.good else BAD),
        ]
        for table in outcome.tables
    ]
    return Table([*columns, Column("", folds=True)], rows)
