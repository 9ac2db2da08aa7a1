"""pg_dump's own archives (``.dump`` and folders), read as plain SQL through pg_restore, and loaded by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_backup.engines.postgresql import connection, contents
from python_backup.engines.postgresql.dump import NAMED, WITHOUT_RIGHTS, judge, password_files
from python_backup.engines.postgresql.tools import Toolbox
from python_backup.errors import ArtifactCorrupt, ArtifactMissing, ToolFailed
from python_backup.instance import Instance, Tools
from python_backup.stream.artifact import TABLE_OF_CONTENTS
from python_backup.stream.child import Command, running

MAGIC = b"PGDMP"

_READERS = ((1, 16, 17), (1, 15, 16), (1, 14, 13))
"""Archive versions and the pg_restore that first read them (pg_backup_archiver.h)."""

_WHOLE = (*NAMED, *WITHOUT_RIGHTS)
_OPTIONS = {"pre-data": _WHOLE, "data": WITHOUT_RIGHTS, "post-data": WITHOUT_RIGHTS}

_VALUE = re.compile(r': "[^"]*"?(?=;|$)')
"""What the server refused of a row, at the end of ``invalid input syntax for type integer: "secret"``."""

_HEADER = 7


@contextmanager
def archive_as_sql(
    path: Path, tools: Tools, *, timeout: float | None = None, section: str | None = None
) -> Iterator[Iterator[bytes]]:
    """The archive as the plain dump that pg_dump would have written, in blocks; no server is needed.

    ``section`` gives one of its three alone: ``pre-data``, ``data``, ``post-data``.

    Only programs on this machine are used: a container's cannot see the file.

    Raises:
        ToolMissing: no pg_restore on this machine is new enough for the archive.
        ToolFailed: (by the blocks) the archive cannot be read to its end.
        ArtifactMissing, ArtifactCorrupt: there is no file, or it is no archive.
    """
    toolbox = Toolbox(Tools(path=tools.path))
    tool = toolbox.choose("pg_restore", _reader(path))
    wanted = _WHOLE if section is None else (*_OPTIONS[section], f"--section={section}")
    command = Command((*tool.argv, *wanted, "--file=-", "--", str(path.absolute())), toolbox.environment())
    with running(command, timeout=timeout) as child:
        yield child.blocks(judge(f"pg_restore of {path.name!r}", None, None))


def load_rows(path: Path, instance: Instance, database: str, jobs: int) -> None:
    """Has pg_restore load what follows the definitions: rows, then all that is built on them.

    The database holds the definitions, and is of no use after an error.

    Raises:
        ToolMissing: no pg_restore on this machine is new enough for the archive.
        ToolFailed: it failed, or the server refused something; no value of a row is told.
    """
    toolbox = Toolbox(Tools(path=instance.tools.path))
    tool = toolbox.choose("pg_restore", _reader(path))
    where = connection.address(instance.host, instance.port, instance.socket)
    told = connection.parameters(where, instance, database)
    told["options"] = f"{told.get('options', '')} -c synchronous_commit=off".strip()
    argv = (
        *tool.argv, *WITHOUT_RIGHTS, "--exit-on-error", f"--jobs={jobs}",
        "--section=data", "--section=post-data",
        "--no-password", "--dbname=" + connection.conninfo(told), "--", str(path.absolute()),
    )  # fmt: skip
    with (
        password_files(instance, "pg_restore") as own,
        running(Command(argv, toolbox.environment() | own)) as child,
    ):
        try:
            for _ in child.blocks(judge(f"pg_restore of {path.name!r}", None, instance)):
                pass
        except ToolFailed as exc:
            message = _VALUE.sub("", exc.message)
            raise ToolFailed(message, hint=exc.hint, transient=exc.transient) from None


def _reader(path: Path) -> int:
    """The major version of the oldest pg_restore that reads this archive, which leads nowhere else."""
    if path.is_dir():
        contents.check(path)
    try:
        with (path / TABLE_OF_CONTENTS if path.is_dir() else path).open("rb") as file:
            header = file.read(_HEADER)
    except OSError as exc:
        raise ArtifactMissing(f"{path}: {exc.strerror}") from exc
    if not header.startswith(MAGIC) or len(header) < _HEADER:
        raise ArtifactCorrupt(f"{path} is no archive of pg_dump")
    version = (header[5], header[6])
    return next((major for *least, major in _READERS if version >= tuple(least)), 0)
