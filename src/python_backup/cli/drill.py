"""``vya-backupdb drill``: backups restored into a throw-away server, and a verdict on each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli.artifacts import FileOption, fetched, named
from python_backup.cli.asking import Questions, questions
from python_backup.cli.drilled import document, drawn, exit_code
from python_backup.cli.jobs import jobs_of
from python_backup.cli.junit import junit
from python_backup.cli.options import ConfigOption, InstanceOption, load_config_if_any
from python_backup.cli.page import page
from python_backup.cli.progress import progress_on
from python_backup.cli.render import Screen, as_json
from python_backup.cli.signing import Receipting, receipting
from python_backup.cli.throttling import Throttling, slowed
from python_backup.errors import UsageError
from python_backup.stream.publish import write_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from python_backup.config.load import Config
    from python_backup.jobs.drill import DrillReport, DrillRequest
    from python_backup.jobs.progress import Progress
    from python_backup.jobs.turns import Turn
    from python_backup.storage.stores.place import Named


def _option(*names: str, metavar: str, text: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False)


_Databases = _option("--database", "-d", metavar="NAME", text="This database; may be repeated.")
_At = _option("--at", metavar="TIME", text="The latest backup taken by then.")
_Source = _option("--source", metavar="NAME", text="The database, of a file that holds several.")
_On = _option(
    "--on",
    metavar="SERVER",
    text="Where: postgresql, mariadb-10.11 …, embedded, docker, docker:IMAGE, or a scratch instance's id.",
)
_Budget = _option(
    "--budget", metavar="TIME", text="With --all: what has gone longest without proof, in 30m or 2h; 0: none."
)
_Json = _option("--json", metavar="PATH", text="Write the report as JSON; - is stdout.")
_Junit = _option("--junit", metavar="PATH", text="Write JUnit XML, for CI.")
_Html = _option("--html", metavar="PATH", text="Write a page, for people.")


@slowed
def drill(
    *,
    file: FileOption = None,
    instance: InstanceOption = None,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Every enabled instance's databases.")] = False,
    database: Annotated[list[str] | None, _Databases] = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="The latest backup of each; this is the default.")
    ] = False,
    at: Annotated[datetime | None, _At] = None,
    suspect: Annotated[
        bool, typer.Option("--suspect", help="Suspect backups too, where they are the latest.")
    ] = False,
    source: Annotated[str | None, _Source] = None,
    on: Annotated[str | None, _On] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running, and tell how to connect and how to end it.")
    ] = False,
    budget: Annotated[str | None, _Budget] = None,
    throttling: Throttling,
    json: Annotated[Path | None, _Json] = None,
    junit_: Annotated[Path | None, _Junit] = None,
    html: Annotated[Path | None, _Html] = None,
    config: ConfigOption = None,
) -> None:
    """Restore backups into a throw-away server, and tell whether they are what was dumped."""
    if (file is not None) + (instance is not None) + all_ != 1:
        raise UsageError(
            "give one of --file PATH, --instance ID and --all", hint="See `vya-backupdb drill --help`."
        )
    if latest and at is not None:
        raise UsageError("--latest and --at contradict each other")
    if budget is not None and not all_:
        raise UsageError("--budget goes with --all")
    seconds = None if budget is None else _seconds(budget)
    screen = Screen(json=str(json) == "-")
    settings = load_config_if_any(config, screen, needed=file is None)
    if settings is None:
        throttling.be_nice(screen)
    else:
        settings = throttling.begin(settings, screen)
    receipts = receipting(settings)
    asked = questions(settings, dated=at is not None)
    drills = _Drills(
        settings, progress_on(screen), receipts, _Way(source, on, keep, throttling.bwlimit), asked
    )
    if file is not None:
        reports = [drills.one(named(file))]
    else:
        reports = list(drills.all(drills.turns(_Choice(instance, database or (), at, suspect)), seconds))
    code = receipts.exit_code(exit_code(reports))
    documents = [{**document(report), **receipts.document(i)} for i, report in enumerate(reports)]
    told = {"exit_code": code, "drills": documents}
    shown = ((*drawn(report), *receipts.drawn(i)) for i, report in enumerate(reports))
    screen.result(told, *(item for several in shown for item in several))
    for path, text in ((json, as_json(told) + "\n"), (junit_, junit(reports)), (html, page(reports))):
        if path is not None and str(path) != "-":
            write_named(path, text.encode("utf-8", "backslashreplace"))
    raise typer.Exit(code)


def _now() -> datetime:
    return datetime.now().astimezone()


def _seconds(text: str) -> float:
    """``30m`` or ``2h`` in seconds, and ``0``.

    Raises:
        UsageError: it is nothing such.
    """
    from python_backup.config.scalars import AGE_PATTERN, age

    span = age(text) if re.fullmatch(AGE_PATTERN, text) else None
    if span is None and text != "0":
        raise UsageError(f"--budget must be a whole number and one of m, h, d: 30m, not {text!r}")
    return span.total_seconds() if span else 0.0


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which backups are wanted: of one instance or of all that are enabled, of some databases or all."""

    instance: str | None
    databases: Sequence[str]
    at: datetime | None
    suspect: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """How each is drilled, as the command line says."""

    source: str | None
    on: str | None
    keep: bool
    bwlimit: int | None


@dataclass(frozen=True, slots=True)
class _Drills:
    """One run's drills: what is the same for all of them."""

    settings: Config | None
    progress: Progress
    receipts: Receipting
    way: _Way
    asked: Questions
    clock: Callable[[], float] = monotonic

    def one(self, file: Named) -> DrillReport:
        """Drills one artifact; the time to bring it here is a part of the time to recover."""
        from python_backup.jobs.drill import drill as run
        from python_backup.jobs.fetch import WHOLE

        begun = self.clock()
        with fetched(file, WHOLE, self.progress, self._bwlimit) as found:
            request = self._request(found.path)
            if not isinstance(file, Path):
                folder = self.settings.directory if self.settings else None
                request = replace(request, records=folder, fetched=self.clock() - begun)
            report = self.receipts.receipted(request, lambda wanted: run(wanted, self.progress, _now))
        return report.told(found.name_of(report.file), found.told)

    @property
    def _bwlimit(self) -> int | None:
        return self.way.bwlimit or (self.settings.throttle.bwlimit if self.settings else None)

    def all(self, queue: Sequence[Turn], budget: float | None) -> Iterator[DrillReport]:
        """Drills what the budget has room for, and tells which of the others have no proof that counts."""
        from python_backup.jobs.drill import unproven
        from python_backup.jobs.turns import within

        done: dict[Path, float] = {}
        while turn := within(float("inf") if budget is None else budget, queue, done):
            begun = self.clock()
            yield self.one(turn.backup.path)
            done[turn.backup.path] = self.clock() - begun
        most = self.settings.drilling.max_proof_age if self.settings else None
        for turn in queue:
            reason = None if turn.backup.path in done else turn.stale(_now(), most)
            if reason is not None:
                self.receipts.outcomes.append(None)  # nothing was drilled
                yield unproven(turn.backup.path, turn.backup.database, reason, _now())

    def turns(self, choice: _Choice) -> tuple[Turn, ...]:
        """The backups to drill, what has gone longest without proof first.

        Raises:
            UsageError: there is none, or none of a database that was asked for.
        """
        from python_backup.jobs.backups import latest_of_each, list_backups
        from python_backup.jobs.turns import of_databases, turns

        settings = self.settings
        if settings is None:
            raise AssertionError("a choice of backups without a config")
        named = [settings.instance(choice.instance)] if choice.instance else settings.instances
        ids = [one.id for one in named if choice.instance or one.enabled]
        moment = None if choice.at is None else choice.at.astimezone()
        latest = latest_of_each(list_backups(settings.directory), moment, suspect=choice.suspect)
        found = of_databases(latest, ids, choice.databases)
        missing = set(choice.databases) - {backup.database for backup in found}
        if missing or not found:
            what = ", ".join(sorted(missing)) or "any database"
            raise UsageError(
                f"there is no backup of {what} in {settings.directory}"
                + (f" by {choice.at}" if choice.at else "")
                + ("" if choice.suspect else " that is not suspect"),
                hint="`vya-backupdb list` shows those that there are; --suspect takes suspect ones too.",
            )
        return turns(settings.directory, found)

    def _request(self, path: Path) -> DrillRequest:
        from python_backup.jobs.drill import DrillRequest
        from python_backup.jobs.ground import Grounds

        way, grounds, jobs = self.way, Grounds(self.way.on), None
        if self.settings is not None:
            jobs = self.settings.restore_jobs
            drilling = self.settings.drilling
            grounds = Grounds(way.on or drilling.on, drilling.programs, drilling.image, drilling.scratch)
        asked = self.asked
        return DrillRequest(
            path,
            way.source,
            grounds,
            asked.checks,
            asked.limits,
            way.keep,
            self._bwlimit,
            jobs_of(None, jobs),
        )
