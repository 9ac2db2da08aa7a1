"""pg_dump's own archives (``.dump``), read as plain SQL through pg_restore."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from python_backup.engines.postgresql.dump import WHOLE, judge
from python_backup.engines.postgresql.tools import Toolbox
from python_backup.errors import ArtifactCorrupt, ArtifactMissing
from python_backup.model import Tools
from python_backup.stream.child import Command, running

MAGIC = b"PGDMP"

_READERS = ((1, 16, 17), (1, 15, 16), (1, 14, 13))
"""Archive versions and the pg_restore that first read them (pg_backup_archiver.h)."""

_HEADER = 7


@contextmanager
def archive_as_sql(path: Path, tools: Tools, *, timeout: float | None = None) -> Iterator[Iterator[bytes]]:
    """The archive as the plain dump that pg_dump would have written, in blocks; no server is needed.

    Only programs on this machine are used: a container's cannot see the file.

    Raises:
        ToolMissing: no pg_restore on this machine is new enough for the archive.
        ToolFailed: (by the blocks) the archive cannot be read to its end.
        ArtifactMissing, ArtifactCorrupt: there is no file, or it is no archive.
    """
    toolbox = Toolbox(Tools(path=tools.path))
    tool = toolbox.choose("pg_restore", _reader(path))
    command = Command((*tool.argv, *WHOLE, "--file=-", "--", str(path.absolute())), toolbox.environment())
    with running(command, timeout=timeout) as child:
        yield child.blocks(judge(f"pg_restore of {path.name!r}", None, None))


def _reader(path: Path) -> int:
    """The major version of the oldest pg_restore that reads this archive."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as exc:
        raise ArtifactMissing(f"{path}: {exc.strerror}") from exc
    if not header.startswith(MAGIC) or len(header) < _HEADER:
        raise ArtifactCorrupt(f"{path} is no archive of pg_dump")
    version = (header[5], header[6])
    return next((major for *least, major in _READERS if version >= tuple(least)), 0)
