"""Progress as people see it: bars on a terminal, log lines elsewhere, nothing for ``--json``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from python_backup.cli import words
from python_backup.cli.render import Screen
from python_backup.jobs.progress import Progress, Step
from python_backup.log.events import Event
from python_backup.log.lines import printable
from python_backup.log.tell import tell

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, TaskID

EVERY = 10.0
"""Seconds between two log lines."""


class Shown(Progress, Protocol):
    """Progress that makes room for a question."""

    def paused(self) -> AbstractContextManager[None]:
        """Nothing is drawn inside."""
        ...


def progress_on(screen: Screen) -> Shown:
    """The progress that fits where the talk goes."""
    if screen.json:
        return SilentProgress(screen)
    return BarProgress(screen) if screen.err.isatty() else LogProgress()


@dataclass(slots=True)
class _Count:
    """A step that only counts; reading one int is safe from another thread."""

    done: int = 0

    def advance(self, size: int) -> None:
        self.done += size


@dataclass(frozen=True, slots=True)
class SilentProgress:
    """Shows no steps, but logs them; warnings still go to stderr."""

    screen: Screen

    def step(
        self, title: str, *, total: int | None = None, unit: str = "bytes"
    ) -> AbstractContextManager[Step]:
        """A step that the log alone tells of."""
        return LogProgress().step(title, total=total, unit=unit)

    def note(self, text: str) -> None:
        """Says it."""
        tell(Event.NOTE, text)
        self.screen.note(text)

    def paused(self) -> AbstractContextManager[None]:
        """There is nothing to pause."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class LogProgress:
    """A line of the log every `EVERY` seconds while a step runs, even when nothing moves."""

    every: float = EVERY
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "bytes") -> Iterator[Step]:
        """Begins a step; a thread speaks for it until it ends."""
        count, start, over = _Count(), self.clock(), threading.Event()

        def speak() -> None:
            while not over.wait(self.every):
                seconds = self.clock() - start
                told = f"{title}: {_state(count.done, seconds, total, unit)}"
                tell(Event.STEP_PROGRESS, told, seconds=round(seconds, 3))

        told = copy_context()  # what is told there is about the same run and database
        speaker = threading.Thread(target=told.run, args=(speak,), name="progress", daemon=True)
        speaker.start()
        try:
            yield count
        finally:
            over.set()
            speaker.join()

    def note(self, text: str) -> None:
        """A line of the log."""
        tell(Event.NOTE, text)

    def paused(self) -> AbstractContextManager[None]:
        """There is nothing to pause."""
        return nullcontext()


def _state(done: int, seconds: float, total: int | None, unit: str) -> str:
    parts = [_amount(done, None, unit)] if done else []  # not every step has something to count
    if done and unit == "bytes" and seconds > 0:
        parts.append(words.rate(done, seconds))
    parts.append(words.duration(seconds))
    if total and 0 < done <= total:
        parts += [f"{done * 100 // total} %", f"{words.duration(seconds / done * (total - done))} left"]
    return ", ".join(parts)


def _amount(done: int, total: int | None, unit: str) -> str:
    if unit == "bytes":
        return words.size(done)
    return f"{done:,} {unit}" if total is None else f"{done:,}/{total:,} {unit}"


@dataclass(slots=True)
class BarProgress:
    """Rich's bars, one for each step under way; a step that has ended is taken away."""

    screen: Screen
    _bars: Bars | None = None
    _open: int = 0

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "bytes") -> Iterator[Step]:
        """Begins a step with a bar of its own."""
        if self._bars is None:
            self._bars = _bars(self.screen)
        bars = self._bars
        if not self._open:
            bars.start()
        self._open += 1
        task = bars.add_task(printable(title), total=total or None, unit=unit)
        try:
            yield _BarStep(bars, task)
        finally:
            bars.remove_task(task)
            self._open -= 1
            if not self._open:
                bars.stop()

    def note(self, text: str) -> None:
        """A line above the bars."""
        tell(Event.NOTE, text)
        self.screen.note(text)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Takes the bars away, so that a question can be asked."""
        shown = self._bars if self._open else None
        if shown:
            shown.stop()
        try:
            yield
        finally:
            if shown:
                shown.start()


@dataclass(slots=True)
class _BarStep:
    bars: Bars
    task: TaskID
    _unseen: int = 0
    _seen: float = field(default_factory=time.monotonic)

    def advance(self, size: int) -> None:
        self._unseen += size
        now = time.monotonic()
        if now - self._seen >= 0.05:  # noqa: PLR2004 - twenty times a second is all an eye takes
            self.bars.advance(self.task, self._unseen)
            self._unseen, self._seen = 0, now


def _bars(screen: Screen) -> Bars:
    from rich import progress as rich_progress
    from rich.table import Column as RichColumn
    from rich.text import Text

    class Numbers(rich_progress.ProgressColumn):
        """Amount, rate, elapsed time, and where the total is known the time left."""

        def render(self, task: Any) -> Text:
            seconds = task.elapsed or 0.0
            unit = task.fields["unit"]
            total = int(task.total) if task.total else None
            parts = [_amount(int(task.completed), total, unit)] if task.completed or total else []
            if task.completed and unit == "bytes":
                parts.append(words.rate(task.completed, seconds))
            parts.append(_clock(seconds))
            if task.time_remaining is not None and task.total:
                parts.append(f"{_clock(task.time_remaining)} left")
            return Text("  ".join(parts))

    columns: tuple[ProgressColumn, ...] = (
        rich_progress.TextColumn(
            "{task.description}", markup=False, table_column=RichColumn(no_wrap=True, ratio=1)
        ),
        rich_progress.BarColumn(bar_width=16),
        Numbers(table_column=RichColumn(no_wrap=True)),
    )
    return rich_progress.Progress(*columns, console=screen.talk, transient=True, expand=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
