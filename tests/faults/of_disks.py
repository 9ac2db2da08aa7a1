"""Faults of a disk that is really one: ext4 in a file, which the kernel takes away, or cannot store.

A tmpfs gets full at the write; here the write ends well, and the sync or the next write does not.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.fault import Fault
from faults.stage import SOURCE, Outcome, Stage, small_disk
from python_backup.stream.publish import is_temporary

SHUT_DOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN: from now on every access is an I/O error (EIO), as of a disk that was pulled out."""

SIZE = 64 << 20


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(
            f"no ext4 can be made and mounted here: no I/O error of a real disk was seen ({done.stderr})"
        )


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[None]:
    _run("mount", "-o", "loop", str(image), str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _made(image: Path) -> Path:
    """An empty file system in a file that has no bytes yet."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("there is no mkfs.ext4: no I/O error of a real disk was seen")
    with image.open("wb") as file:
        file.truncate(SIZE)
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(image))
    return image


def _filled(stage: Stage, place: Path) -> dict[str, str]:
    """The backup folder on the disk gets the earlier backup; its sums."""
    for path in stage.folder.glob(f"*_{SOURCE}.sql*"):
        shutil.copy(path, place)
    os.sync()
    return _sums(place)


def _sums(place: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in place.iterdir() if path.is_file()
    }  # fmt: skip


def _shut_down(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", 2))
    finally:
        os.close(descriptor)


def _pulled_out(stage: Stage) -> Outcome:
    """The disk is gone amid the dump; when it is back, the next run clears up and is well."""
    place, image = stage.root / "disk", _made(stage.root / "image")
    place.mkdir(mode=0o700)
    with _mounted(image, place):
        before = _filled(stage, place)
        outcome = stage.amid(lambda _: _shut_down(place), backup={"directory": str(place)})
    with _mounted(image, place):
        assert before.items() <= _sums(place).items(), outcome
        stage.configure(backup={"directory": str(place)})
        after = stage.backup()
        assert (after.code, [n for n in _sums(place) if "partial" in n]) == (0, []), after
    return outcome


def _thin(stage: Stage) -> Outcome:
    """The disk takes every write, and finds at the sync that what is below it (a thin volume) is full."""
    below, place = stage.root / "below", stage.root / "disk"
    below.mkdir()
    place.mkdir(mode=0o700)
    with small_disk(below, 8 << 20):
        with _mounted(_made(below / "image"), place):
            before = _filled(stage, place)
            free = os.statvfs(below)
            (below / "filler").write_bytes(bytes((free.f_bavail - 24) * free.f_frsize))
            stage.configure(backup={"directory": str(place), "compression": {"format": "none"}})
            outcome = stage.backup()
            now = _sums(place)  # the kernel makes it read-only then, so that nobody can tidy up
        assert before.items() <= now.items(), outcome
        assert [name for name in now if name not in before and not is_temporary(name)] == [], outcome
        return outcome


FAULTS = (
    Fault("the disk is pulled out amid the dump (EIO)", _pulled_out, 1, "Input/output error", root=True),
    Fault("the disk fails at the sync (EIO)", _thin, 1, "Input/output error|[Nn]o space", root=True),
)
