"""``vya-backupdb doctor``: what would keep backups and restores from going well, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import FAILED
from python_backup.cli.options import ConfigOption, InstanceOption, JsonOption, load_config
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table
from python_backup.errors import ConfigError
from python_backup.model import Check, Verdict

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.instance import Instance

_STYLES = {Verdict.OK: GOOD, Verdict.WARNING: "yellow", Verdict.FAILURE: BAD, Verdict.SKIPPED: FAINT}


def doctor(
    *,
    instance: InstanceOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check machine, config, tools, servers and rights before a backup needs them."""
    from python_backup.jobs.health.doctor import examine
    from python_backup.storage.locks import machine_places

    screen = Screen(json=json)
    found = _config(config, screen)
    wanted = () if isinstance(found, ConfigError) else _instances(found, instance)
    places = machine_places(os.environ, os.geteuid())
    checks = tuple(examine(found, wanted, lambda: datetime.now().astimezone(), places))
    code = exit_code(checks, strict=strict)
    labels = {one.id: one.label for one in wanted}
    screen.result(document(checks, code), *drawn(checks, labels))
    raise typer.Exit(code)


def _config(named: Path | None, screen: Screen) -> Config | ConfigError:
    try:
        return load_config(named, screen, tell=False)
    except ConfigError as exc:
        return exc


def _instances(config: Config, wanted: str | None) -> tuple[Instance, ...]:
    if wanted is not None:
        return (config.instance(wanted),)
    return tuple(one for one in config.instances if one.enabled)


def exit_code(checks: Sequence[Check], *, strict: bool) -> int:
    """0, or 1 with a failure; ``strict`` takes warnings for failures."""
    bad = {Verdict.FAILURE, Verdict.WARNING} if strict else {Verdict.FAILURE}
    return FAILED if any(check.verdict in bad for check in checks) else 0


def document(checks: Sequence[Check], code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": code,
        **{key: _count(checks, verdict) for key, verdict in _COUNTED.items()},
        "checks": checks,
    }


_COUNTED = {
    "ok": Verdict.OK,
    "warnings": Verdict.WARNING,
    "failures": Verdict.FAILURE,
    "not_done": Verdict.SKIPPED,
}


def _count(checks: Sequence[Check], verdict: Verdict) -> int:
    return sum(check.verdict is verdict for check in checks)


def drawn(checks: Sequence[Check], labels: dict[str, str]) -> Iterator[Table | Cell | str]:
    """A table for the machine and for each instance, then what mends what was found."""
    for key, group in groupby(checks, lambda check: check.instance):
        title = "this machine" if key is None else f"instance {labels.get(key, key)}"
        columns = [Column(title), Column(""), Column("", folds=True)]
        yield Table(columns, list(_rows(list(group))))
        yield ""
    yield from _mending(checks, labels)
    yield _summary(checks)


def _rows(checks: list[Check]) -> Iterator[list[str | Cell]]:
    """A row for each check; those that were not done, and why, stand together at the end."""
    yield from (_row(check) for check in checks if check.verdict is not Verdict.SKIPPED)
    skipped: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict is Verdict.SKIPPED:
            skipped.setdefault(check.found, []).append(check.name)
    for why, names in skipped.items():
        state = Cell(Verdict.SKIPPED.value, _STYLES[Verdict.SKIPPED])
        yield [f"  {len(names)} more", state, f"{why}: {', '.join(names)}"]


def _row(check: Check) -> list[str | Cell]:
    found = check.found if check.database is None else f"{check.database}: {check.found}"
    return [
        f"  {check.name}",
        Cell(check.verdict.value, _STYLES[check.verdict]),
        " ".join(map(str.strip, found.splitlines())),
    ]


def _mending(checks: Sequence[Check], labels: dict[str, str]) -> Iterator[Cell | str]:
    """Each hint on a line of its own, so that it can be pasted, under what it mends."""
    hints: dict[str, list[str]] = {}
    for check in checks:
        if check.hint and check.verdict in {Verdict.WARNING, Verdict.FAILURE}:
            place = [labels.get(check.instance, check.instance)] if check.instance else []
            hints.setdefault(check.hint, []).append(
                ", ".join([*place, *([check.database] if check.database else []), check.name])
            )
    for hint, places in hints.items():
        more = f" and {len(places) - 1} more" if places[1:] else ""
        yield Cell(f"{places[0]}{more}:", FAINT)
        yield f"  {hint}"
    if hints:
        yield ""


def _summary(checks: Sequence[Check]) -> Cell:
    failures, warnings = _count(checks, Verdict.FAILURE), _count(checks, Verdict.WARNING)
    told = [words.plural(n, w) for n, w in ((failures, "failure"), (warnings, "warning")) if n]
    if not told:
        return Cell(f"all {len(checks)} checks are well", GOOD)
    return Cell(f"{len(checks)} checks: {', '.join(told)}", BAD if failures else "yellow")
