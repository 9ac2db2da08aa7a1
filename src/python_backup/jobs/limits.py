"""Limits that a drilled backup must keep: how old it is, and its rows beside the backup before it.

They are the config's, as `policy.anomalies` reads them when a backup ends; here they are held against
what was restored, so that a backup taken before they were set is measured too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from python_backup.jobs.checks import CheckAnswered
from python_backup.model import Facts, Manifest
from python_backup.policy.anomalies import Expectation, Rule, expectation, suspicions
from python_backup.storage.earlier import Wanted, last_good
from python_backup.storage.names import parse_path


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_age`` is how old the backup may be; ``expected`` is what it should hold, as for `Config`."""

    max_age: timedelta | None = None
    expected: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Drilled:
    """What was restored: of which file and database, with its manifest where it has one."""

    file: Path
    database: str
    manifest: Manifest | None
    facts: Facts


def kept(limits: Limits, drilled: Drilled, now: datetime) -> Iterator[CheckAnswered]:
    """Each limit, and whether the backup keeps it; a table that does not has one of its own."""
    if limits.max_age is not None:
        yield _age(limits.max_age, drilled, now)
    manifest = drilled.manifest
    instance, database = (manifest.instance, manifest.database) if manifest else ("", drilled.database)
    wanted = expectation(limits.expected, instance, database)
    if manifest is not None and manifest.accepted:
        wanted = replace(wanted, max_shrink=None)
    if wanted.max_shrink is None and not wanted.min_rows:
        return
    before = _before(drilled.file.absolute().parent, manifest)
    bad = suspicions(drilled.facts, before.facts if before else None, wanted)
    for table, why in sorted(bad.items()):
        yield CheckAnswered(f"table {table}", _said(wanted), why, ok=False, limit=True)
    if not bad:
        beside = f", beside the backup of {_moment(before.started)}" if before else ""
        yield CheckAnswered("expect", _said(wanted), f"as expected{beside}", ok=True, limit=True)


def _before(folder: Path, manifest: Manifest | None) -> Manifest | None:
    """The last good backup before this one."""
    if manifest is None:
        return None
    wanted = Wanted(manifest.instance, manifest.dbms, manifest.database)
    return last_good(folder, wanted, before=manifest)


def _age(most: timedelta, drilled: Drilled, now: datetime) -> CheckAnswered:
    name = parse_path(drilled.file)
    taken = drilled.manifest.started if drilled.manifest else name.taken.astimezone() if name else None
    if taken is None:
        return CheckAnswered("max_age", _span(most), "nothing says when it was taken", ok=False, limit=True)
    age = now - taken
    found = f"the backup of {_moment(taken)} is {_span(age)} old; max_age is {_span(most)}"
    return CheckAnswered("max_age", _span(most), found, ok=age <= most, limit=True)


def _said(wanted: Expectation) -> str:
    shrink = () if wanted.max_shrink is None else (f"max_shrink {wanted.max_shrink * 100:.4g}%",)
    rows = (f"min_rows {table} {least:,}" for table, least in wanted.min_rows.items())
    return ", ".join((*shrink, *rows))


def _span(span: timedelta) -> str:
    """``45m``, ``26h``, ``3d 4h``."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days > 1:
        return f"{days}d {hours}h" if hours else f"{days}d"
    return f"{minutes // 60}h" if minutes >= 120 else f"{minutes}m"  # noqa: PLR2004 - two hours


def _moment(when: datetime) -> str:
    return f"{when.astimezone():%Y-%m-%d %H:%M}"
