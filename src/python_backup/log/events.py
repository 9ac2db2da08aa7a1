"""The one table of events: a stable name, its level, what it means and which fields come with it.

``docs/logging.md`` shows this table; a test holds both together, and the code that tells them.
"""

from __future__ import annotations

from enum import Enum
from logging import DEBUG, ERROR, INFO, WARNING


class Event(Enum):
    """What a line of the log is about; its ``label`` is public and does not change."""

    RUN_STARTED = ("run.started", INFO, "a command began", "command arguments version pid")
    RUN_ENDED = ("run.ended", INFO, "it ended; others than 0 are explained before", "exit_code seconds")
    RUN_FAILED = (
        "run.failed",
        ERROR,
        "an error ended the command",
        "error type hint tried causes exit_code",
    )
    RUN_INTERRUPTED = ("run.interrupted", ERROR, "a signal ended the command", "signal exit_code")
    RUN_CRASHED = ("run.crashed", ERROR, "a fault of the program itself ended it", "error type traceback")
    STEP_STARTED = ("step.started", INFO, "a step began", "")
    STEP_PROGRESS = (
        "step.progress",
        INFO,
        "where a long step is, every ten seconds where no bar shows it",
        "seconds",
    )
    STEP_ENDED = ("step.ended", INFO, "a step ended well", "seconds bytes rows")
    STEP_FAILED = ("step.failed", INFO, "a step did not end well; what became of it follows", "seconds error")
    DATABASE_DONE = ("database.done", INFO, "a backup was published", "path bytes rows seconds")
    DATABASE_PARTIAL = (
        "database.partial",
        WARNING,
        "a backup was published that may lack something",
        "path bytes rows seconds errors",
    )
    DATABASE_SUSPECT = (
        "database.suspect",
        WARNING,
        "a backup was published that is not as `expect` says",
        "path bytes rows seconds suspect",
    )
    DATABASE_FAILED = (
        "database.failed",
        ERROR,
        "a database, or a whole instance, was not backed up",
        "error type hint tried causes seconds",
    )
    WARNING = ("warning", WARNING, "what someone should look at", "")
    NOTE = ("note", INFO, "a choice that was made, a thing that was done", "")
    TOOL_STARTED = ("tool.started", DEBUG, "a client program was started", "argv")
    TOOL_ENDED = (
        "tool.ended",
        DEBUG,
        "a client program ended; ``stderr`` is all that was kept of it, 128 KiB at most",
        "program exit_status seconds stderr",
    )

    def __init__(self, label: str, level: int, meaning: str, fields: str) -> None:
        self.label = label
        self.level = level
        self.meaning = meaning
        self.fields = tuple(fields.split())
