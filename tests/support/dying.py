"""The program, which kills itself at one step of its work: ``python -m support.dying STEP WORD …``.

Steps are counted over what changes a server: it dies when that many calls of `CHANGES` have come back.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from python_backup.cli.app import main
from python_backup.engines.mysql.server import MysqlServer
from python_backup.engines.postgresql.server import PostgresServer

CHANGES = ("create", "empty", "load", "take_over", "drop")


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
