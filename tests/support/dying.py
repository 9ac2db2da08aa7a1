"""The program, which kills itself at one step of its work: ``python -m support.dying STEP WORD …``.

Steps are counted over what changes a server: it dies when that many calls of `CHANGES` have come back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from python_backup.cli.app import main
from python_backup.engines.mysql.server import MysqlServer
from python_backup.engines.postgresql.server import PostgresServer

CHANGES = ("create", "empty", "load", "take_over", "drop")


def run_to_step(step: int, *words: str | Path) -> int:
    """Runs the program as a process that dies at this step, or comes to its end before; gives its exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
    command = [sys.executable, "-m", "support.dying", str(step), *words]
    return subprocess.run(command, check=False, capture_output=True, env=environment).returncode


def _dying(call: Callable[..., Any], count: Callable[[], None]) -> Callable[..., Any]:
    def run(*args: Any, **options: Any) -> Any:
        result = call(*args, **options)
        count()
        return result

    return run


def _arm(step: int) -> None:
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for kind in (MysqlServer, PostgresServer):
        for name in CHANGES:
            setattr(kind, name, _dying(getattr(kind, name), count))


if __name__ == "__main__":
    _arm(int(sys.argv.pop(1)))
    main()
