"""Artifacts as every command is told of them: a path of this machine, or the URL of a place in a store."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from python_backup.jobs.fetch import Fetched, Want
    from python_backup.jobs.progress import Progress
    from python_backup.storage.stores.place import Named

METAVAR = "PATH|URL"
"""A URL would lose a slash as a path; so these options are texts, and `named` reads them."""

FileOption = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        metavar=METAVAR,
        help="The artifact, or any dump; a URL of a store: s3://, https://, sftp://.",
        show_default=False,
    ),
]


def named(text: str) -> Named:
    """What the command line names.

    Raises:
        UsageError: a URL that no store is read by.
    """
    from python_backup.storage.stores.place import named as read

    return read(text)


def fetched(
    file: Named, want: Want, progress: Progress, bwlimit: int | None = None
) -> AbstractContextManager[Fetched]:
    """What is wanted of an artifact, here; see `python_backup.jobs.fetch.Fetching`."""
    from python_backup.jobs.fetch import Fetching

    return Fetching(progress, bwlimit).fetched(file, want)
