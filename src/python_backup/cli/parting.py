"""``backup --jobs`` and ``--lock``: connections that read a database into parts, and what they lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli.jobs import jobs_of
from python_backup.errors import UsageError
from python_backup.instance import Dbms
from python_backup.model import Scope

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.instance import Instance
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

LockOption = Annotated[
    Scope | None,
    typer.Option(
        help="What is locked while the parts' snapshots begin (MySQL, MariaDB).", show_default=False
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


def parting_of(
    jobs: str | None, lock: Scope | None, config: Config, instances: Iterable[Instance]
) -> Parting:
    """``--jobs`` and ``--lock``, else the config's; jobs asked for by name make parts of small databases too.

    Raises:
        UsageError: it is no number of jobs, or there is nothing that ``--lock`` could be for.
    """
    from python_backup.jobs.parts.choosing import Parting

    wanted = jobs is not None and jobs != "1"
    parting = Parting(jobs_of(jobs, config.backup_jobs), config.parts, wanted, lock or config.lock)
    if lock is None:
        return parting
    if all(instance.dbms is Dbms.POSTGRESQL for instance in instances):
        raise UsageError(
            f"--lock {lock} is for MySQL and MariaDB: PostgreSQL's connections share one snapshot",
            hint="Leave --lock out.",
        )
    if not parting.may_part:
        raise UsageError(
            f"--lock {lock} is for backups in parts, and each database becomes a single file",
            hint="Give --jobs N, too; `parts: never` in the config's section backup rules parts out.",
        )
    return parting
