"""The pace of a run: no more bytes a second than it may take, and pauses while servers are busy or late.

Bytes pass through `Pace.passed`, which sleeps. In a long pause a block passes now and then all the same:
who sends or gets them hears something before a timeout of its own (MariaDB's net_write_timeout is 60 s).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError
from python_backup.instance import Busy, Instance, Throttle
from python_backup.jobs.progress import Progress
from python_backup.policy.throttle import reason
from python_backup.stream.bucket import Bucket

Block = TypeVar("Block")

LOOK = 1.0
"""Seconds between two looks at the servers."""

TRICKLE = 15.0
"""Seconds of a pause after which one block passes."""


@dataclass(slots=True)
class Pace:
    """``ask`` says why to pause, None: go on. ``held`` gets the seconds of every wait before it begins.

    ``sleep`` returns early when ``wake`` is called. ``warnings`` say that pauses took all of ``max_pause``;
    from then on nobody is asked.
    """

    throttle: Throttle
    progress: Progress
    ask: Callable[[], str | None] | None = None
    held: Callable[[float], None] = lambda _: None
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    wake: Callable[[], object] = lambda: None
    paused: float = 0.0
    warnings: list[str] = field(default_factory=list)
    _bucket: Bucket | None = field(init=False)
    _looked: float = float("-inf")
    _since: float | None = None
    _told: float = 0.0
    _ended: bool = False

    def __post_init__(self) -> None:
        limit = self.throttle.bwlimit
        self._bucket = None if limit is None else Bucket(limit, self.clock)

    def over(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks, each when its time has come; what was passed over takes none."""
        for block in blocks:
            self.passed(len(block) if isinstance(block, bytes) else 0)
            yield block

    def passed(self, size: int) -> None:
        """Waits until so many bytes may pass."""
        if self._ended:
            return
        begun, self._told = self.clock(), 0.0
        wait = self._bucket.wait(size) if self._bucket is not None else 0.0
        if wait:
            self._wait(wait)
        due = self._since is not None or self.clock() >= self._looked + LOOK
        if self.ask is not None and due:
            self._look(self.ask)
        if rest := self.clock() - begun - self._told:
            self.held(rest)

    def clear(self) -> None:
        """Waits until nobody is in the way: before what cannot pause, so the servers are asked at once."""
        self._looked = float("-inf")
        self.passed(0)
        while self._since is not None and not self._ended:
            self.passed(0)

    def end(self) -> None:
        """Nobody waits any more; may be called in any thread."""
        self._ended = True
        self.wake()

    def _wait(self, seconds: float) -> None:
        """Tells of it first: another thread may look at the run's timeout meanwhile."""
        self._told += seconds
        self.held(seconds)
        self.sleep(seconds)

    def _look(self, ask: Callable[[], str | None]) -> None:
        why = ask()
        self._looked = self.clock()
        if why is None:
            self._over()
            return
        if self._since is None:
            self._since = self._looked
            self.progress.note(f"paused: {why}")
        with self.progress.step(f"paused: {why}"):
            why = self._slice(ask, why)
        if why is None:
            self._over()
        elif self.paused >= self.throttle.max_pause:
            self._over(f" although {why}")
            told = f"it paused for {self.paused:.0f} s in all, as max_pause allows, and then went on"
            self.warnings.append(f"{told} although {why}")
            self.ask = None

    def _slice(self, ask: Callable[[], str | None], why: str | None) -> str | None:
        """Waits until nothing is in the way, the pauses' time is over, or a block must pass."""
        begun = self.clock()
        most = min(TRICKLE, self.throttle.max_pause - self.paused)
        while why is not None and not self._ended and (left := begun + most - self.clock()) > 0:
            self._wait(min(LOOK, left))
            why = ask()
        self._looked = self.clock()
        self.paused += self._looked - begun
        return why

    def _over(self, although: str = "") -> None:
        if self._since is not None:
            self.progress.note(f"goes on after a pause of {self.clock() - self._since:.0f} s{although}")
            self._since = None


@contextmanager
def paced(
    instance: Instance, progress: Progress, held: Callable[[float], None] = lambda _: None, sessions: int = 1
) -> Iterator[Pace]:
    """The pace of a run with this instance; a server that does not say how busy it is holds nobody up.

    ``sessions`` are how many of its own are at work at once: they count as one. Whoever waits at the end is
    woken.
    """
    throttle, over = instance.throttle, threading.Event()
    with ExitStack() as stack:
        pace = Pace(throttle, progress, held=held, sleep=over.wait, wake=over.set)
        stack.callback(pace.end)
        if throttle.max_lag is not None or throttle.max_load is not None:
            pace.ask = _Asking(instance, progress, stack, sessions - 1).opened()
        yield pace


@dataclass(slots=True)
class _Asking:
    """Asks the instance and its replicas; those that fail are told of once, and asked no more.

    ``further`` are the run's own sessions but for one.
    """

    instance: Instance
    progress: Progress
    stack: ExitStack
    further: int = 0
    gauges: dict[Instance, Callable[[], Busy]] = field(default_factory=dict)

    def opened(self) -> Callable[[], str | None]:
        for one in (self.instance, *self.instance.replicas):
            try:
                gauge = self.stack.enter_context(ENGINES[one.dbms].gauge(one))
                if self._of(one).max_lag is not None and gauge().lag is None:
                    self.progress.note(
                        f"{one.label} tells of no lag: it is no replica that goes on, or may not be asked"
                    )
                self.gauges[one] = gauge
            except BackupError as exc:
                self._lost(one, exc)
        return self.ask

    def ask(self) -> str | None:
        """Why to pause."""
        for one, gauge in list(self.gauges.items()):
            try:
                why = reason(self._of(one), self._without_own(gauge()))
            except BackupError as exc:
                del self.gauges[one]
                self._lost(one, exc)
                continue
            if why is not None:
                return f"{one.label}: {why}"
        return None

    def _without_own(self, busy: Busy) -> Busy:
        """A run that waits is at work for its server, over each of its connections."""
        return replace(busy, sessions=max(0, busy.sessions - self.further))

    def _of(self, one: Instance) -> Throttle:
        """The load of replicas is nobody's business here."""
        own = self.instance.throttle
        return own if one is self.instance else Throttle(max_lag=own.max_lag)

    def _lost(self, one: Instance, exc: BackupError) -> None:
        self.progress.note(f"how busy {one.label} is cannot be asked, and holds nothing up: {exc.message}")
