"""``vya-backupdb backup``: databases into the backup folder, and a table of how each fared."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import FAILED, PARTIAL
from python_backup.cli.expecting import AcceptShrinkOption, expected_by, sentences
from python_backup.cli.options import ArtifactFormat, ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.parting import BackupJobsOption, LockOption, ResumeOption, parting_of, refuse_resume
from python_backup.cli.progress import progress_on
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table, error_document
from python_backup.cli.running import WaitOption, called_in, locks_of
from python_backup.cli.throttling import Throttling, throttled
from python_backup.errors import BackupError, ConfigError, UsageError
from python_backup.instance import Instance
from python_backup.log.lines import printable
from python_backup.log.tell import about
from python_backup.model import Format

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.backup import BackupRequest
    from python_backup.jobs.results import DatabaseResult

LINES_SHOWN = 10

_DatabasesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--database",
        "-d",
        metavar="NAME",
        help="This database; may be repeated. Without it: all that filter and ignore leave.",
        show_default=False,
    ),
]
STYLES = {"done": GOOD, "planned": "", "partial": "yellow", "suspect": "yellow", "failed": BAD}


@throttled
def backup(
    *,
    context: typer.Context,
    instance: InstanceOption = None,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Every enabled instance.")] = False,
    database: _DatabasesOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Connect, check, show what would be run; write nothing.")
    ] = False,
    compression: Annotated[
        bool, typer.Option("--compression", "-c", help="Compress, as the config says; else zip.")
    ] = False,
    format_: Annotated[
        ArtifactFormat | None, typer.Option("--format", help="Compress so.", show_default=False)
    ] = None,
    level: Annotated[
        int | None,
        typer.Option(metavar="N", help="gzip and zip: 1 to 9; zstd: 1 to 22.", show_default=False),
    ] = None,
    jobs: BackupJobsOption = None,
    lock: LockOption = None,
    throttling: Throttling,
    resume: ResumeOption = False,
    accept_shrink: AcceptShrinkOption = False,
    wait: WaitOption = 0.0,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Back up databases of one instance or of all."""
    screen = Screen(json=json)
    if all_ == (instance is not None):
        raise UsageError("give either --instance ID or --all", hint="See `vya-backupdb backup --help`.")
    refuse_resume(resume=resume)
    wanted = Format(format_.value) if format_ else None
    if compression and wanted is Format.NONE:
        raise UsageError("--compression and --format none contradict each other")
    settings = throttling.begin(load_config(config, screen), screen)
    chosen = chosen_format(settings, wanted, compress=compression)
    instances = _instances(settings, instance)

    from python_backup.jobs.backup import BackupRequest
    from python_backup.jobs.health.quick import quick, sentence
    from python_backup.storage.folder import make_folder

    if not dry_run:
        make_folder(settings.directory)
    request = BackupRequest(
        instances=instances,
        databases=tuple(dict.fromkeys(database or ())),
        folder=settings.directory,
        format=chosen,
        level=chosen_level(settings, chosen, level),
        parts=parting_of(jobs, lock, settings, instances),
        dry_run=dry_run,
        locks=None if dry_run else locks_of(context, settings, screen, wait),
        expect=expected_by(settings, accept_shrink=accept_shrink),
        look=lambda one, server: map(sentence, quick(one, server, settings.directory, _now)),
    )
    _run(request, screen, called_in(context).databases)


def _run(request: BackupRequest, screen: Screen, kept: list[dict[str, Any]]) -> None:
    """Backs up, and tells; ``kept`` is what the run's record has."""
    from python_backup.jobs.backup import back_up

    results = back_up(request, progress_on(screen), _now, lambda result: kept.append(_one(result)))
    kept[:] = [_one(result) for result in results]
    if not results:
        raise BackupError(
            "there is no database to back up",
            hint="The server has none but its own, or the config's filter and ignore leave none.",
        )
    code = exit_code(results)
    drawing = drawn_plan(results) if request.dry_run else drawn(results, request.folder)
    screen.result(document(results, code), *drawing)
    _talk(screen, results)
    raise typer.Exit(code)


def _now() -> datetime:
    return datetime.now().astimezone()


def chosen_format(config: Config, wanted: Format | None, *, compress: bool) -> Format:
    """``--format``, else the config's; ``-c`` makes zip of none."""
    if wanted is not None:
        return wanted
    return Format.ZIP if compress and config.format is Format.NONE else config.format


def chosen_level(config: Config, chosen: Format, wanted: int | None) -> int | None:
    """``--level``, else the config's if it was meant for this format.

    Raises:
        UsageError: the format has no such level.
    """
    from python_backup.config.schema import LEVELS

    if wanted is None:
        return config.level if chosen is config.format else None
    if chosen.value not in LEVELS:
        raise UsageError(
            f"--level {wanted} means nothing without compression", hint="Add --compression or --format."
        )
    low, high = LEVELS[chosen.value]
    if not low <= wanted <= high:
        raise UsageError(f"--level must be {low} to {high} for {chosen.value}, not {wanted}")
    return wanted


def exit_code(results: Sequence[DatabaseResult]) -> int:
    """0 when all is well, 7 when some failed, lack something or are suspect, 1 when all failed.

    One result alone gives its own error's code, so that cron sees why.
    """
    failed = [r for r in results if r.outcome == "failed"]
    if len(failed) == len(results):
        only = failed[0].error if len(failed) == 1 else None
        return only.exit_code if only else FAILED
    return PARTIAL if any(r.outcome in {"failed", "partial", "suspect"} for r in results) else 0


def document(results: Sequence[DatabaseResult], code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": code,
        "succeeded": sum(r.outcome in {"done", "planned"} for r in results),
        "partial": sum(r.outcome == "partial" for r in results),
        "suspect": sum(r.outcome == "suspect" for r in results),
        "failed": sum(r.outcome == "failed" for r in results),
        "databases": [_one(r) for r in results],
    }


def _one(result: DatabaseResult) -> dict[str, Any]:
    manifest = result.manifest
    return {
        "instance": result.instance.id,
        "dbms": result.instance.dbms,
        "database": result.database,
        "outcome": result.outcome,
        "path": result.path,
        "tables": len(manifest.facts.tables) if manifest else None,
        "rows": manifest.facts.rows if manifest else None,
        "raw_size": manifest.artifact.raw_size if manifest else None,
        "size": manifest.artifact.size if manifest else None,
        "sha256": manifest.artifact.sha256 if manifest else None,
        "format": manifest.artifact.format if manifest else None,
        "seconds": round(result.seconds, 3),
        "attempts": result.attempts,
        "command": result.command,
        "errors": manifest.errors if manifest else (),
        "missing": manifest.missing if manifest else {},
        "suspect": manifest.suspect if manifest else {},
        "warnings": result.warnings,
        "error": error_document(result.error) if result.error else None,
    }


def drawn(results: Sequence[DatabaseResult], folder: Path) -> Iterator[Table | Cell | str]:
    """The table, the counts and the place."""
    several = len({r.instance.id for r in results}) > 1
    columns = [Column("database", folds=True)]
    columns += [
        Column(t, right=True, spare=t in {"ratio", "rate"}) for t in ("rows", "size", "ratio", "time", "rate")
    ]
    columns += [Column("result")]
    if several:
        columns.insert(0, Column("instance", folds=True))
    yield Table(columns, [_row(r, several=several) for r in results])
    yield ""
    counts = {o: sum(r.outcome == o for r in results) for o in ("done", "partial", "suspect", "failed")}
    stored = sum(r.manifest.artifact.size for r in results if r.manifest)
    good = counts["done"] == len(results)
    rest = "".join(f", {counts[o]} {o}" for o in ("partial", "suspect", "failed") if counts[o])
    seconds = words.duration(sum(r.seconds for r in results))
    yield Cell(
        f"{words.plural(counts['done'], 'database')} backed up{rest}; {words.size(stored)} in {seconds}",
        GOOD if good else BAD,
    )
    paths = [r.path for r in results if r.path]
    if paths:
        yield str(paths[0]) if len(paths) == 1 else f"in {folder}"


def _row(result: DatabaseResult, *, several: bool) -> list[str | Cell]:
    names: list[str | Cell] = [result.instance.label] if several else []
    names.append("(none reached)" if result.database is None else result.database)
    state = Cell(result.outcome, STYLES[result.outcome])
    if result.manifest is None:
        return [*names, "-", "-", "-", words.duration(result.seconds), "-", state]
    artifact = result.manifest.artifact
    return [
        *names,
        words.number(result.manifest.facts.rows),
        words.size(artifact.size),
        words.ratio(artifact.raw_size, artifact.size),
        words.duration(result.seconds),
        words.rate(artifact.raw_size, result.seconds),
        state,
    ]


def drawn_plan(results: Sequence[DatabaseResult]) -> Iterator[Cell | str]:
    """What would be run and written."""
    for result in results:
        yield Cell(_where(result), BAD if result.outcome == "failed" else "bold")
        if result.command:
            yield f"  would run    {shlex.join(result.command)}"
        if result.path:
            yield f"  would write  {result.path}"
        if result.outcome == "failed":
            yield "  would fail"
    yield Cell("dry run: nothing was written", FAINT)


def _where(result: DatabaseResult) -> str:
    place = result.instance.label
    return place if result.database is None else f"{place}, {result.database}"


def _talk(screen: Screen, results: Sequence[DatabaseResult]) -> None:
    for result in results:
        where = printable(_where(result))
        with about(instance=result.instance.id, database=result.database):
            for warning in shown(result.warnings):
                screen.warning(f"{where}: {warning}")
            for error in shown(result.manifest.errors if result.manifest else ()):
                screen.warning(f"{where}: the backup is partial: {error}")
            for sentence in shown(tuple(sentences(result.manifest.suspect if result.manifest else {}))):
                screen.warning(f"{where}: {sentence}")
            if result.error:
                screen.failure(result.error, where)


def shown(lines: Sequence[str]) -> Iterator[str]:
    """The first of the lines, and how many more there are: a tool may say 128 kB."""
    yield from lines[:LINES_SHOWN]
    more = len(lines) - LINES_SHOWN
    if more > 0:
        yield f"and {words.number(more)} more of its lines; the manifest has them, the log at level debug too"


def _instances(config: Config, wanted: str | None) -> tuple[Instance, ...]:
    if wanted is not None:
        return (config.instance(wanted),)
    enabled = tuple(i for i in config.instances if i.enabled)
    if not enabled:
        raise ConfigError(
            f"no instance in {config.path} is enabled", hint="Name one with --instance, or set enabled: true."
        )
    return enabled
