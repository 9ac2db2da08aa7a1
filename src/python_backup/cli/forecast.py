"""``vya-backupdb forecast``: how long a restore of each database would take, and whether that will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import PARTIAL
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.forecast import DatabaseForecast
    from python_backup.policy.forecast import Judged
    from python_backup.policy.objectives import Objectives

_SOON = 90
"""Days before an objective will be missed from which on that is said."""


def forecast(
    *,
    instance: InstanceOption = None,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Every enabled instance's databases.")] = False,
    database: Annotated[
        list[str] | None,
        typer.Option(
            "--database", "-d", metavar="NAME", help="This database; may be repeated.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell how long a restore of each database would take, and whether objectives are met."""
    from python_backup.jobs.forecast import forecasts

    if (instance is not None) == all_:
        raise UsageError("give one of --instance ID and --all", hint="See `vya-backupdb forecast --help`.")
    screen = Screen(json=json)
    settings = load_config(config, screen)
    now = datetime.now().astimezone()
    found = tuple(forecasts(settings.directory, _objectives(settings, instance), database or (), now))
    missing = set(database or ()) - {one.database for one in found}
    if missing or not found:
        what = ", ".join(sorted(missing)) or "any database"
        raise UsageError(
            f"there is no backup of {what} in {settings.directory}",
            hint="`vya-backupdb list` shows those that there are.",
        )
    code = PARTIAL if any(one.missed for one in found) else 0
    screen.result({"exit_code": code, "databases": [document(one) for one in found]}, *drawn(found, now))
    raise typer.Exit(code)


def _objectives(settings: Config, instance: str | None) -> dict[str, Objectives]:
    wanted = [settings.instance(instance)] if instance else [i for i in settings.instances if i.enabled]
    return {one.id: settings.objectives[one.id] for one in wanted}


def document(one: DatabaseForecast) -> dict[str, Any]:
    """One database as ``--json`` gives it; times in seconds, sizes in bytes of the dump."""
    foretold = one.forecast
    return {
        "instance": one.instance,
        "database": one.database,
        "latest_backup": foretold.latest.at if foretold.latest else None,
        "size": foretold.latest.size if foretold.latest else None,
        "growth_per_day": _rounded(foretold.growth, 0),
        "drills": foretold.drills,
        "latest_drill": foretold.drilled,
        "restore_seconds": _rounded(foretold.seconds),
        "restore_seconds_slowest": _rounded(foretold.slowest),
        "restore_seconds_in_30_days": _rounded(foretold.ahead),
        "objectives": [
            {
                "name": objective.name,
                "limit_seconds": objective.limit.total_seconds(),
                "found_seconds": _rounded(objective.found.total_seconds())
                if objective.found is not None
                else None,
                "met": objective.met,
                "days_left": _rounded(objective.days_left, 1),
            }
            for objective in one.objectives
        ],
    }


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits or None)


def drawn(found: Sequence[DatabaseForecast], now: datetime) -> Iterator[Table | Cell | str]:
    """A row for each database, then what is or will be missed, and the sum of it."""
    columns = [
        Column("database", folds=True),
        Column("instance", spare=True),
        Column("latest backup"),
        Column("size", right=True),
        Column("a day", right=True),
        Column("restore", right=True),
        Column("slowest", right=True, spare=True),
        Column("in 30 days", right=True),
        Column("rests upon"),
    ]
    yield Table(columns, [_row(one, now) for one in found])
    yield ""
    for one in found:
        for objective in one.objectives:
            yield from _said(one, objective)
    yield _summary(found)


def _row(one: DatabaseForecast, now: datetime) -> list[str | Cell]:
    foretold = one.forecast
    latest = foretold.latest
    return [
        one.database,
        one.instance,
        words.age(now - latest.at) if latest else Cell("none complete", BAD),
        words.size(latest.size) if latest else "-",
        _signed(foretold.growth),
        _taking(foretold.seconds),
        _taking(foretold.slowest),
        _taking(foretold.ahead),
        f"{words.plural(foretold.drills, 'drill')}, {words.age(now - foretold.drilled)}"
        if foretold.drilled
        else Cell("no drill yet", FAINT),
    ]


def _signed(growth: float | None) -> str:
    if growth is None:
        return "-"
    return f"{'-' if round(growth) < 0 else '+'}{words.size(abs(growth))}"


def _taking(seconds: float | None) -> str:
    return "-" if seconds is None else words.duration(seconds)


def _said(one: DatabaseForecast, objective: Judged) -> Iterator[Cell]:
    name, limit = f"{one.database}: {objective.name} {_span(objective.limit)}", objective.limit
    if objective.found is None:
        lacking = "proven drill yet" if one.forecast.latest else "complete backup"
        yield Cell(f"{name} cannot be said to be met: there is no {lacking}", BAD)
    elif not objective.met:
        over = objective.found - limit
        what = "the latest complete backup is" if objective.name == "rpo" else "a restore takes"
        old = " old" if objective.name == "rpo" else ""
        yield Cell(f"{name} is missed by {_span(over)}: {what} {_span(objective.found)}{old}", BAD)
    elif objective.days_left is not None and objective.days_left < _SOON:
        yield Cell(f"{name} will be missed in {words.plural(int(objective.days_left), 'day')}", "yellow")


def _span(time: timedelta) -> str:
    """``2 h``, ``26 h 5 min``, ``1.5 s``."""
    seconds = time.total_seconds()
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours and not minutes:
        return words.duration(seconds)
    return " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)


def _summary(found: Sequence[DatabaseForecast]) -> Cell:
    missed = sum(one.missed for one in found)
    if missed:
        return Cell(f"{missed} of {words.plural(len(found), 'database')}: an objective is missed", BAD)
    if any(one.objectives for one in found):
        return Cell("all objectives are met", GOOD)
    return Cell("there are no objectives in the config", FAINT)
