"""The log of one run of the program: where its lines go, and where a crash leaves its traceback.

Until a config is read, and without `logging.file` in it, lines go to stderr where that is no terminal.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from python_backup import __version__
from python_backup.cli.render import Screen
from python_backup.cli.stderr import StderrLines, takes_json
from python_backup.log.events import Event
from python_backup.log.file import LogFile
from python_backup.log.lines import JsonLine, TextLine
from python_backup.log.scrub import Scrubber
from python_backup.log.tell import LOGGER, about, tell
from python_backup.model import Run
from python_backup.stream.private import make_private

if TYPE_CHECKING:
    from python_backup.config.load import Config


@dataclass(slots=True)
class Logs:
    """The handlers of one run, and the secrets that are taken out of their lines."""

    run: Run
    arguments: Sequence[str]
    screen: Screen
    scrubber: Scrubber = field(default_factory=Scrubber)
    file: LogFile | None = None
    _handlers: list[logging.Handler] = field(default_factory=list)

    def open(self, config: Config | None = None) -> None:
        """Has lines go where the config says, in place of where they went before."""
        self.close()
        LOGGER.setLevel(logging.INFO if config is None else config.logging.level.upper())
        chosen = None if config is None else config.logging
        self.scrubber = Scrubber(() if config is None else config.secrets)
        path = chosen.file if chosen else None
        as_json = chosen is not None and chosen.format == "json"
        if chosen is not None and path is not None:
            self.file = LogFile(path, chosen.max_size, chosen.keep, self._lost)
            self.file.setFormatter((JsonLine if as_json else TextLine)(self.scrubber))
            self._add(self.file)
        on_stderr = as_json and path is None
        if not self.screen.err.isatty() and (on_stderr or not self.screen.json):
            self._add(StderrLines(self.screen.err, self.scrubber, json=on_stderr))
        if config is not None:
            tell(
                Event.RUN_STARTED,
                f"vya-backupdb {self.run.command}",
                command=self.run.command,
                arguments=tuple(self.arguments),
                version=__version__,
                pid=os.getpid(),
            )

    def close(self) -> None:
        """Takes the handlers away, as if they had not been."""
        for handler in self._handlers:
            LOGGER.removeHandler(handler)
            handler.close()
        self._handlers.clear()
        self.file = None

    def crashed(self, error: Exception) -> str:
        """Leaves the traceback of what nobody foresaw, and gives the sentence that says where."""
        text = self.scrubber.clean("".join(traceback.format_exception(error)))
        short = self.scrubber.clean(f"{type(error).__name__}: {error}")
        tell(Event.RUN_CRASHED, short, error=short, type=type(error).__name__, traceback=text)
        if self.file is not None and self.file.works:
            return f"Its traceback is in {self.file.path}; please report it with that."
        if takes_json():
            return "Its traceback is in the line above of event run.crashed; please report it with that."
        for folder in _crash_folders(os.environ):
            path = folder / f"crash-{self.run.id}.txt"
            try:
                _write(path, f"vya-backupdb {__version__} {self.run.command}\n{text}")
            except OSError:
                continue  # the next place
            return f"Its traceback is in {path}; please report it with that."
        return f"No place could be written; please report it with this traceback:\n{text}"

    def _add(self, handler: logging.Handler) -> None:
        self._handlers.append(handler)
        LOGGER.addHandler(handler)

    def _lost(self, reason: str) -> None:
        self.screen.warning(f"the log {reason}; the run goes on without it")


_current: ContextVar[Logs | None] = ContextVar("logs", default=None)


@contextmanager
def logged(run: Run, arguments: Sequence[str], screen: Screen) -> Iterator[Logs]:
    """The log of what happens inside; every line of it bears the run's id."""
    logs = Logs(run, arguments, screen)
    logs.open()
    token = _current.set(logs)
    try:
        with about(run=run.id):
            yield logs
    finally:
        _current.reset(token)
        logs.close()


def follow(config: Config) -> None:
    """From here on the log is as the config says."""
    logs = _current.get()
    if logs is not None:
        logs.open(config)


def _crash_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where a traceback may go without a log: the account's state folder, the temporary one."""
    if state := environ.get("XDG_STATE_HOME"):
        yield Path(state) / "vya-backupdb"
    elif home := environ.get("HOME"):
        yield Path(home) / ".local/state/vya-backupdb"
    yield Path(gettempdir())


def _write(path: Path, text: str) -> None:
    make_private(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
