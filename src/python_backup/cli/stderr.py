"""What stderr is: a terminal, systemd's journal or a file; and the log's lines on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from python_backup.log.events import Event
from python_backup.log.lines import JournalLine, JsonLine, TextLine, prefixed
from python_backup.log.scrub import Scrubber
from python_backup.log.tell import LOGGER

JOURNAL = "JOURNAL_STREAM"
"""Device and inode of the journal's socket, as systemd.exec(5) tells a service."""

_SAID = frozenset(
    {
        *(Event.RUN_STARTED, Event.RUN_ENDED, Event.RUN_FAILED, Event.RUN_INTERRUPTED),
        *(Event.DATABASE_DONE, Event.DATABASE_PARTIAL, Event.DATABASE_FAILED),
        *(Event.STEP_STARTED, Event.STEP_FAILED, Event.WARNING),
    }
)
"""What a person is told otherwise: as the result, as ``warning:`` or ``error:``, by the step's end."""


def on_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd's journal reads this stream; a redirected one is none, though the variable is set."""
    told = environ.get(JOURNAL)
    if not told:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file at all: a test's, or closed
        return False
    return told == f"{found.st_dev}:{found.st_ino}"


class StderrLines(logging.Handler):
    """The log's lines on stderr; ``json``: all of them, and then nothing else is said there."""

    def __init__(self, stream: TextIO, scrubber: Scrubber, *, json: bool) -> None:
        super().__init__()
        self.json = json
        self._stream = stream
        self._journal = on_journal(stream, os.environ)
        text = JournalLine(scrubber) if self._journal else TextLine(scrubber)
        self.setFormatter(JsonLine(scrubber) if json else text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Not what is said otherwise."""
        return self.json or record.__dict__["event"] not in _SAID

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the lines; what nobody takes is lost."""
        line = self.format(record)
        if self.json and self._journal:
            line = prefixed(line, record.levelno)
        with suppress(OSError, ValueError):  # no reader, a full disk, a stream that was closed
            self._stream.write(line + "\n")
            self._stream.flush()


def takes_json() -> bool:
    """Whether stderr is the log, as JSON lines: then talk does not go there besides."""
    return any(isinstance(handler, StderrLines) and handler.json for handler in LOGGER.handlers)
