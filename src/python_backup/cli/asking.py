"""What a drill asks of every backup: the config's questions and limits, ready for the job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from python_backup.errors import ConfigError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.checks import DrillCheck, Rows
    from python_backup.jobs.limits import Limits


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions to restored databases, and the limits that backups must keep."""

    checks: tuple[DrillCheck, ...]
    limits: Limits


def questions(settings: Config | None, *, dated: bool) -> Questions:
    """What the config asks; no age is too old for a backup that was chosen by its date.

    Raises:
        ConfigError: a file of rows cannot be read.
    """
    from python_backup.jobs.checks import DrillCheck
    from python_backup.jobs.limits import Limits

    if settings is None:
        return Questions((), Limits())
    drilling = settings.drilling
    checks = tuple(
        DrillCheck(database, sql, expect if isinstance(expect, str) else _rows(expect, index))
        for index, (database, sql, expect) in enumerate(drilling.checks)
    )
    return Questions(checks, Limits(None if dated else drilling.max_age, settings.expected))


def _rows(file: Path, index: int) -> Rows:
    from python_backup.jobs.checks import Rows

    place = f"drill.checks[{index}].expect.file"
    try:
        return Rows(file.read_text(encoding="utf-8-sig"), file.name)
    except OSError as exc:
        raise ConfigError(
            f"{place}: {str(file)!r} cannot be read: {exc.strerror}",
            hint="Let this account read it, or correct the path.",
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{place}: {str(file)!r} is no UTF-8: {exc.reason}", hint="Write it as UTF-8."
        ) from exc
