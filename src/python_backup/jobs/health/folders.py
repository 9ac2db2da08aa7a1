"""The folders that are written to: whether they can be, by this account alone, and how much room there is."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from python_backup.errors import BackupError, StorageFailed
from python_backup.model import Backup, Check, Verdict
from python_backup.storage.folder import make_folder
from python_backup.stream.publish import publishing

_FEW_INODES = 1000


def folder(place: Path, latest: tuple[Backup, ...]) -> Iterator[Check]:
    """Whether backups can be written to the folder, and whether the next ones find room.

    It is made where it is missing. ``latest`` has the latest backup of each database.
    """
    missing = not place.exists()
    try:
        make_folder(place)
        _tried(place)
    except StorageFailed as exc:
        yield Check("folder", Verdict.FAILURE, exc.message, _mended(place, exc))
        return
    except OSError as exc:
        yield Check("folder", Verdict.FAILURE, f"{place}: {exc.strerror}", f"namei -l {place}")
        return
    found = list(access(place))
    yield from found
    if not found:
        made = "made, " if missing else ""
        yield Check("folder", Verdict.OK, f"{place}: {made}mode 0700, can be written")
    yield space(place, latest)


def access(place: Path) -> Iterator[Check]:
    """Whether the folder is this account's alone; nothing where it is not there."""
    try:
        status = place.stat()
    except OSError:
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        yield Check(
            "folder", Verdict.WARNING, f"{place}: others can look into it, mode {mode:04o}",
            f"chmod 700 {place}",
        )  # fmt: skip
    if status.st_uid != os.geteuid():
        yield Check(
            "folder", Verdict.WARNING, f"{place}: belongs to user {status.st_uid}, not to {os.geteuid()}",
            f"chown {os.geteuid()} {place}",
        )  # fmt: skip


def space(place: Path, latest: tuple[Backup, ...]) -> Check:
    """Free bytes beside what the latest backups take."""
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    sizes = [backup.size for backup in latest]
    told = f"{shown(free)} free of {shown(found.f_blocks * found.f_frsize)}"
    if sizes:
        told += f"; the latest backups have {shown(sum(sizes))}"
    hint = f"df -h {place}"
    if free == 0 or free < max(sizes, default=0):
        return Check("space", Verdict.FAILURE, told, hint)
    if found.f_files > 0 and found.f_favail < _FEW_INODES:
        return Check("space", Verdict.WARNING, f"{told}; only {found.f_favail} files more", f"df -i {place}")
    if free < sum(sizes):
        return Check("space", Verdict.WARNING, told, hint)
    return Check("space", Verdict.OK, told)


def temporary() -> Iterator[Check]:
    """Whether the private files for dump tools can be written."""
    place = Path(tempfile.gettempdir())
    try:
        handle, name = tempfile.mkstemp(prefix="vya-backupdb-")
        os.close(handle)
        Path(name).unlink()
    except OSError as exc:
        found = f"{place} cannot be written: {exc.strerror}"
        yield Check("temporary folder", Verdict.FAILURE, found, "export TMPDIR=/var/tmp")
        return
    yield Check("temporary folder", Verdict.OK, f"{place} can be written")


def _tried(place: Path) -> None:
    """Writes a file that never gets its name."""
    with publishing(place / "doctor") as sink:
        sink.write(b"\0" * 4096)
        sink.flush()


def _mended(place: Path, error: BackupError) -> str:
    """A command that mends what keeps the folder from being written."""
    if place.exists() and not place.is_dir():
        return f"ls -ld {place}"
    cause = error.__cause__
    code = cause.errno if isinstance(cause, OSError) else None
    return {
        errno.ENOSPC: f"df -h {place}",
        errno.EDQUOT: f"df -h {place}",
        errno.EROFS: f"mount -o remount,rw $(stat -c %m {place})",
        errno.EACCES: f"install -d -m 700 -o $(id -un) {place}",
        errno.EPERM: f"install -d -m 700 -o $(id -un) {place}",
    }.get(code or 0, f"namei -l {place}")


_UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def shown(size: int) -> str:
    """Bytes as people read them."""
    return next((f"{size / unit:.1f} {name}" for unit, name in _UNITS if size >= unit), f"{size} bytes")
