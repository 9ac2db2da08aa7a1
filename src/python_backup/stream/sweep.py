"""What a process that must leave at once takes with it: its children, and what it holds unfinished.

Nothing is remembered for this: the system knows the children, and what is unfinished is held open.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from python_backup.model import MANIFEST
from python_backup.stream import leash
from python_backup.stream.private import PREFIX
from python_backup.stream.processes import children
from python_backup.stream.publish import is_temporary, names_given


def sweep() -> None:
    """Kills this process's children with their groups, and removes the files and folders that it was making.

    For the very end of a process: it takes the files away from any code that still writes them.
    """
    for child in list(children()):
        with suppress(ProcessLookupError, PermissionError):
            if _is_leash(child):  # it ends its server when this process is gone
                continue
            if os.getpgid(child) == child:
                os.killpg(child, signal.SIGKILL)
            else:
                os.kill(child, signal.SIGKILL)
    for path in set(held()):
        if path.name.startswith(PREFIX) or (is_temporary(path.name) and path.is_dir()):
            shutil.rmtree(path, ignore_errors=True)
        elif is_temporary(path.name):
            for file in (*_unfinished(path), path):
                with suppress(OSError):
                    file.unlink()


def held() -> Iterator[Path]:
    """The files and folders that this process has open."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            path = link.readlink()
            if path.is_absolute():
                yield path


def _unfinished(temporary: Path) -> Iterator[Path]:
    """The names that the file was given already, if what it belongs to is not complete."""
    for name in names_given(temporary):
        if not name.name.endswith(MANIFEST) and not name.with_name(name.name + MANIFEST).exists():
            yield name.with_name(name.name + ".sha256")
            yield name


def _is_leash(child: int) -> bool:
    with suppress(OSError):
        return os.fsencode(leash.__file__) in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    return False
