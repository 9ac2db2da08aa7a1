"""Small file systems that really get full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of this size, mounted there; skips the test where none can be."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if not mounted or mounted.returncode:
        pytest.skip("no tmpfs can be mounted here (needs root), so no really full disk was seen")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
