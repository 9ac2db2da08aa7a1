"""What the machine needs: Python, packages, a config, and folders to write to."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from python_backup.config.load import Config
from python_backup.errors import BackupError, ConfigError, StorageFailed
from python_backup.model import Backup, Check, Verdict
from python_backup.policy.requirements import requirement, within
from python_backup.storage.folder import make_folder
from python_backup.stream.publish import publishing

PACKAGE = "vya-backupdb"

_FEW_INODES = 1000


def python() -> Iterator[Check]:
    """Whether this Python is one that the package takes."""
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = _metadata("Requires-Python")
    if wanted is None or within(version, wanted):
        yield Check("python", Verdict.OK, f"{version} ({sys.executable})")
    else:
        yield Check(
            "python", Verdict.FAILURE, f"{version} is not {wanted}", f"apt install python3 # {wanted}"
        )


def packages() -> Iterator[Check]:
    """Whether every package is there in a version within its range."""
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        yield Check("packages", Verdict.WARNING, f"{PACKAGE} is not installed as a package", "pip install .")
        return
    needed = [r for line in lines if (r := requirement(line, sys.version_info[:3])) is not None]
    wrong = [(r, found) for r in needed if (found := _version(r.name)) is None or not r.allows(found)]
    for package, found in wrong:
        told = f"{package.name} {found} is not {package.range}" if found else f"{package.name} is missing"
        yield Check("packages", Verdict.FAILURE, told, f"pip install '{package.name}{package.range}'")
    if not wrong:
        yield Check("packages", Verdict.OK, f"{len(needed)}, each within its range")


def config(found: Config | ConfigError) -> Iterator[Check]:
    """Every fault of the config, with its line."""
    if isinstance(found, ConfigError):
        for fault in found.faults or (found.message,):
            hint = "vya-backupdb config validate" if found.faults else found.hint
            yield Check("config", Verdict.FAILURE, fault, hint)
        return
    for warning in found.warnings:
        yield Check("config", Verdict.WARNING, warning, f"chmod 600 {found.path}")
    if not found.warnings:
        enabled = sum(i.enabled for i in found.instances)
        off = len(found.instances) - enabled
        told = f"{found.path}: {enabled} instances" + (f", {off} more not enabled" if off else "")
        yield Check("config", Verdict.OK, told)


def folder(place: Path, latest: tuple[Backup, ...]) -> Iterator[Check]:
    """Whether backups can be written to the folder, and whether the next ones find room.

    It is made where it is missing. ``latest`` has the latest backup of each database.
    """
    missing = not place.exists()
    try:
        make_folder(place)
        status = place.stat()
        _tried(place)
    except StorageFailed as exc:
        yield Check("folder", Verdict.FAILURE, exc.message, _mended(place, exc))
        return
    except OSError as exc:
        yield Check("folder", Verdict.FAILURE, f"{place}: {exc.strerror}", f"namei -l {place}")
        return
    found = list(_access(place, status))
    yield from found
    if not found:
        made = "made, " if missing else ""
        yield Check("folder", Verdict.OK, f"{place}: {made}mode 0700, can be written")
    yield space(place, latest)


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


def _metadata(key: str) -> str | None:
    try:
        return metadata.metadata(PACKAGE)[key]
    except (metadata.PackageNotFoundError, KeyError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _tried(place: Path) -> None:
    """Writes a file that never gets its name."""
    with publishing(place / "doctor") as sink:
        sink.write(b"\0" * 4096)
        sink.flush()


def _access(place: Path, status: os.stat_result) -> Iterator[Check]:
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
