"""``backup --jobs``: how many connections read one database, and whether it becomes a folder of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli.order import jobs_of
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.parts.choosing import Parting

BackupJobsOption = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N|auto",
        help="Read each database over so many connections, into a folder of parts.",
        show_default=False,
    ),
]

ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Refused: a backup is of one moment, which is over.", hidden=True)
]


def refuse_resume(*, resume: bool) -> None:
    """Says why no backup goes on where another was interrupted.

    Raises:
        UsageError: it was asked for.
    """
    if resume:
        raise UsageError(
            "a backup cannot be resumed: the snapshot that its parts were read under is gone",
            hint="Run it again without --resume; nothing of the interrupted one is needed.",
        )


def parting_of(told: str | None, config: Config) -> Parting:
    """``--jobs``, else the config's; asked for by name, small databases become parts too.

    Raises:
        UsageError: it is no number of jobs.
    """
    from python_backup.jobs.parts.choosing import Parting

    jobs = jobs_of(told, config.backup_jobs)
    return Parting(jobs, config.parts, wanted=told is not None and told != "1")
