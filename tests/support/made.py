"""The data of a server of one test alone: made once in a run, and copied for those after it.

MySQL takes three seconds to make its own, a copy a third of one. PostgreSQL's is made each time: its system
identifier tells servers apart, and a copy would have the same. The copies are a file in the session's folder, which
goes with the session.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

SESSION = "VYA_TEST_SESSION"
"""The variable that names the folder of the run's session."""
OWN = ("auto.cnf",)
"""What a server of MySQL makes anew where it lacks it: its UUID."""


def once(name: str, folder: Path, made: Callable[[], None]) -> None:
    """Puts ``data`` into the folder: as ``made`` does, or a copy of what it did for this name before."""
    session = os.environ.get(SESSION)
    if session is None:
        made()
        return
    kept = Path(session) / f"{name}.tar"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made()
            part = kept.with_suffix(".part")
            _tar("--create", part, folder, *(f"--exclude={own}" for own in OWN), "data")
            part.rename(kept)
            return
    _tar("--extract", kept, folder)


def _tar(verb: str, file: Path, folder: Path, *words: str) -> None:
    subprocess.run(
        ["tar", verb, "--sparse", "--file", str(file), "--directory", str(folder), *words], check=True
    )
