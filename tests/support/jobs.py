"""Backups and restores through the project's own jobs, as tests want them: short, and raising."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from python_backup.instance import Instance
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.in_place import Safety
from python_backup.jobs.restore import RestoreReport, RestoreRequest, restore
from python_backup.jobs.results import DatabaseResult
from python_backup.model import Facts, Format
from support.silence import Silence


def backed_up(
    instance: Instance, database: str, folder: Path, stored: Format = Format.ZSTD, *, timeout: float = 60
) -> DatabaseResult:
    """One database's backup, good or bad."""
    bounded = replace(instance, limits=replace(instance.limits, timeout=timeout))
    request = BackupRequest((bounded,), (database,), folder, stored)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    return result


def facts(result: DatabaseResult) -> Facts:
    """The facts of a backup; raises what failed it."""
    if result.error is not None:
        raise result.error
    assert result.manifest is not None
    return result.manifest.facts


def restored(instance: Instance, file: Path | None, target: str, *, force: bool = False) -> RestoreReport:
    """A restore of which nothing differs."""
    assert file is not None
    safety = Safety(file.parent / "safety")
    request = RestoreRequest(file, instance, target, force=force, safety=safety)
    report = restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC))
    assert report.comparison is not None
    assert report.comparison.equal, report.comparison
    return report


def copied(instance: Instance, database: str, target: str, folder: Path) -> RestoreReport:
    """The database backed up and restored under another name; its facts are those of the backup."""
    result = backed_up(instance, database, folder)
    if result.error is not None:
        raise result.error
    report = restored(instance, result.path, target)
    assert facts(backed_up(instance, target, folder)) == facts(result)
    return report


def with_options(instance: Instance, *options: str) -> Instance:
    """The instance with further options for the dump tool."""
    return replace(instance, options=(*instance.options, *options))
