"""How an event becomes a line: text for people, JSON for programs, and text as systemd's journal takes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from python_backup.log.events import Event
from python_backup.log.scrub import Scrubber

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
"""Levels as syslog(3) numbers them."""


class Line(Protocol):
    """Makes one line, or several, of a record that `log.tell` made."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without an end."""
        ...


def printable(text: str) -> str:
    r"""The text without what moves a terminal's cursor: control characters become ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def prefixed(text: str, level: int) -> str:
    """The text as the journal takes it from stderr: each line with its priority (sd-daemon(3))."""
    return "\n".join(f"<{_PRIORITIES.get(level, 5)}>{line}" for line in text.split("\n"))


class JsonLine(logging.Formatter):
    """One JSON object: time, level, event, what it is about, message, the event's own fields."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """The object in one line."""
        event, around, given = _parts(record)
        document = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": event.label,
            **around,
            "message": self._scrubber.clean(record.getMessage()),
            **{name: _plain(value, self._scrubber) for name, value in given.items()},
        }
        return json.dumps(document, ensure_ascii=False)


class TextLine(logging.Formatter):
    """``2026-01-13 15:54:40 info [RUN web/shop] dump done seconds=2.0``; a traceback stands below it."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """The line with its time and level."""
        time = f"{_time(record):%Y-%m-%d %H:%M:%S}"
        return f"{time} {record.levelname.lower():<7} {self.message(record)}"

    def message(self, record: logging.LogRecord) -> str:
        """The line from its run on."""
        _, around, given = _parts(record)
        place = "/".join(printable(around[name]) for name in ("instance", "database") if name in around)
        about = " ".join(text for text in (around.get("run"), place) if text)
        told = {name: _plain(value, self._scrubber) for name, value in given.items()}
        below = "".join(f"\n  {printable(line)}" for line in str(told.pop("traceback", "")).splitlines())
        fields = "".join(f" {name}={_shown(value)}" for name, value in told.items())
        start = f"[{about}] " if about else ""
        return f"{start}{printable(self._scrubber.clean(record.getMessage()))}{fields}{below}"


class JournalLine(TextLine):
    """A text line without its time, which the journal has, and with its priority before it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line with its priority."""
        return prefixed(self.message(record), record.levelno)


def _parts(record: logging.LogRecord) -> tuple[Event, Mapping[str, str], Mapping[str, Any]]:
    known = record.__dict__
    return known["event"], known["around"], known["given"]


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created).astimezone()


def _plain(value: Any, scrubber: Scrubber) -> Any:
    """The value as JSON has it, without secrets."""
    match value:
        case bool() | int() | float() | None:
            return value
        case Mapping():
            return {str(key): _plain(inner, scrubber) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, scrubber) for inner in value]
        case _:
            return scrubber.clean(str(value))


def _shown(value: Any) -> str:
    plain = isinstance(value, str) and value and not set(value) & set(" \"'=\\") and value.isprintable()
    return value if plain else json.dumps(value, ensure_ascii=False)
