"""The program's beginning: signals mean something before the long imports.

``python -m python_backup`` is ``vya-backupdb``. Nothing was begun while Python imports, so a signal
then ends the process at once, with the code and one line that it would have later.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_GARBAGE = 200_000
"""Objects made before garbage is looked for: a start makes fewer, and what it makes stays."""


def _leave(number: int, _frame: FrameType | None) -> None:
    os.write(2, b"error: interrupted by %s\n" % signal.Signals(number).name.encode())
    os._exit(128 + number)


def main() -> NoReturn:
    """Runs the program and ends it with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _leave)
    gc.set_threshold(_GARBAGE)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # else every installed package is asked for one
    from python_backup.cli.app import main as run  # noqa: PLC0415 - only now

    try:
        run()
    except SystemExit as ending:
        if isinstance(ending.code, int):
            _end(ending.code)
        raise


def _end(code: int) -> NoReturn:
    """Ends the process as Python would, but does not take all modules apart: the system frees them."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name for it
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads; what was told of it, was told
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
