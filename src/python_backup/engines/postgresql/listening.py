"""Waiting for a server's answers, however long they take, as long as the server lives."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import psycopg

Result = TypeVar("Result")

CANCEL_SECONDS = 5.0
"""For a statement to end that was cancelled by a signal."""


def listening(
    generator: Generator[Any, Any, Result], silence: float, ask: Callable[[], None]
) -> Generator[Any, Any, Result]:
    """A psycopg generator whose silences are noticed: after so many seconds ``ask`` is called; it may raise.

    psycopg sends 0 into a generator at each interval without news, and None where it goes on with it
    after a signal; it takes QueryCanceled then for the expected end.
    """
    try:
        wait, heard, interrupted = next(generator), time.monotonic(), False
    except StopIteration as ended:  # all of it was here already
        return ended.value  # type: ignore[no-any-return]
    while True:
        ready = yield wait
        interrupted = interrupted or ready is None
        if ready:
            heard = time.monotonic()
            try:
                wait = generator.send(ready)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]
            continue
        quiet = time.monotonic() - heard
        if interrupted and quiet > CANCEL_SECONDS:
            raise psycopg.errors.QueryCanceled("the server does not say that it cancelled the statement")
        if quiet > silence and not interrupted:
            ask()
            heard = time.monotonic()


class Link(psycopg.Connection):
    """A connection whose every wait goes through `listening`, once it has what to ask."""

    silence: float = 0.0
    ask: Callable[[], None] | None = None

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        """Psycopg's own, and the server is asked meanwhile whether it lives."""
        if self.ask is None:
            return super().wait(gen, *args, **kwargs)
        return super().wait(listening(gen, self.silence, self.ask), *args, **kwargs)
