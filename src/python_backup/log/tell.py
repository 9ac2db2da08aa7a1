"""Telling events: each carries what was said around it (run, instance, database, step).

Nothing here knows where lines go. Without handlers (`log.lines`) they go nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from types import MappingProxyType
from typing import Any

from python_backup.errors import BackupError
from python_backup.log.events import Event

LOGGER = logging.getLogger("python_backup")
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False
LOGGER.setLevel(logging.WARNING)

_around: ContextVar[Mapping[str, str]] = ContextVar("around", default=MappingProxyType({}))


def tell(event: Event, message: str, **fields: Any) -> None:
    """One line of the log; fields that are None or empty are left out."""
    if LOGGER.isEnabledFor(event.level):
        given = {name: value for name, value in fields.items() if value not in (None, (), "")}
        LOGGER.log(
            event.level, "%s", message, extra={"event": event, "around": _around.get(), "given": given}
        )


@contextmanager
def about(**names: str | None) -> Iterator[None]:
    """What every line inside is about: ``run``, ``instance``, ``database``, ``step``.

    A new thread does not know of it unless it runs in a copy of the context (`contextvars`).
    """
    known = {name: value for name, value in names.items() if value is not None}
    token = _around.set(MappingProxyType({**_around.get(), **known}))
    try:
        yield
    finally:
        _around.reset(token)


@contextmanager
def timed(step: str, into: dict[str, float] | None = None) -> Iterator[dict[str, Any]]:
    """Marks a step's beginning and end with its time, which is also added ``into`` what is given.

    What is put into the dict that it gives is told at the step's end. An error that leaves the step bears
    its name, for `explained`.
    """
    fields: dict[str, Any] = {}
    begun = monotonic()
    with about(step=step):
        tell(Event.STEP_STARTED, f"{step} begins")
        try:
            yield fields
        except BaseException as exc:
            exc.add_note(f"{_TRIED}{step}")
            why = exc.message if isinstance(exc, BackupError) else type(exc).__name__
            seconds = round(monotonic() - begun, 3)
            tell(Event.STEP_FAILED, f"{step} did not end well", seconds=seconds, error=why)
            raise
        finally:
            if into is not None:
                into[step] = into.get(step, 0.0) + monotonic() - begun
        tell(Event.STEP_ENDED, f"{step} done", seconds=round(monotonic() - begun, 3), **fields)


_TRIED = "while: "


def explained(error: BackupError) -> dict[str, Any]:
    """What the log says of an error: what was tried, what went wrong and why, what to do.

    ``tried`` names the steps from the outermost inwards; ``causes`` are the foreign errors under it, in
    their own words.
    """
    steps = [note.removeprefix(_TRIED) for note in getattr(error, "__notes__", ()) if note.startswith(_TRIED)]
    causes: list[str] = []
    cause = error.__cause__
    while cause is not None:
        causes.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__
    return {
        "error": error.message,
        "type": type(error).__name__,
        "hint": error.hint,
        "tried": " > ".join(reversed(steps)),
        "causes": tuple(causes),
    }
