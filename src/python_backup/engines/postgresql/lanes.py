"""What is done beside the loading, each on a connection of its own: small tables' rows, indexes and keys.

The loader gives lanes the rows of tables that it can hold, and says which others are filled, and committed.
Lanes take builds of these, those first of whose table most is left to do, never two that lock each other out.
While the loader is sending, one of the jobs is its own. What fails on a lane is raised in the loader, at its
next step.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field

import psycopg
from psycopg import generators, pq

from python_backup.dump.builds import Build, Builds, Setting
from python_backup.dump.piece import DataBegin, Piece, Statement
from python_backup.engines.postgresql.connection import converted, converting, identifier, query
from python_backup.engines.postgresql.listening import CANCEL_SECONDS
from python_backup.engines.postgresql.refused import PEEK, Sent, error, failure
from python_backup.errors import ArtifactCorrupt, ConnectionFailed

_ALONE_ON_SERVER = {
    True: b"SET max_parallel_maintenance_workers TO DEFAULT",
    False: b"SET max_parallel_maintenance_workers TO 0",
}
"""Helpers of the server's own slow down what goes on beside them (two cores: by a tenth of the whole)."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A table's last COPY with all its rows, and the settings under which they are read.

    ``work`` is `work_of` them.
    """

    begin: DataBegin
    pieces: tuple[Piece, ...]
    settings: tuple[Setting, ...]
    work: int

    @property
    def line(self) -> int:
        """That of its statement."""
        return self.begin.line


@dataclass(slots=True)
class _Board:
    """What all threads see, under ``news``; ``free`` is how many may be at work now."""

    free: int
    resting: bool = False  # the loader waits
    news: threading.Condition = field(default_factory=threading.Condition)
    waiting: list[Build] = field(default_factory=list)
    running: list[Build] = field(default_factory=list)
    fills: deque[Fill] = field(default_factory=deque)
    filling: int = 0
    failed: BaseException | None = None
    closed: bool = False

    @property
    def busy(self) -> int:
        """How many are at work."""
        return len(self.running) + self.filling

    @property
    def idle(self) -> bool:
        """Whether nothing is begun that is not done."""
        return not (self.waiting or self.running or self.fills or self.filling)

    def next(self) -> tuple[Build | Fill, bool] | None:
        """What is next, and whether nothing else goes on; waits for it. None: there will be nothing."""
        with self.news:
            while not self.closed:
                room = self.busy < self.free
                if room and self.fills:
                    self.filling += 1
                    return self.fills.popleft(), False
                build = self._fitting() if room else None
                if build is not None:
                    self.waiting.remove(build)
                    self.running.append(build)
                    return build, self._alone()
                self.news.wait()
        return None

    def _alone(self) -> bool:
        """Whether nothing goes on beside the one build, and nothing that waits can."""
        resting = self.resting and not (self.fills or self.filling)
        return resting and len(self.running) == 1 and self._fitting() is None

    def _fitting(self) -> Build | None:
        taken = {build.table: build.alone for build in self.running}
        return next((b for b in self.waiting if not (b.table in taken and (b.alone or taken[b.table]))), None)

    def done(self, work: Build | Fill, failed: BaseException | None) -> None:
        with self.news:
            if isinstance(work, Fill):
                self.filling -= 1
            else:
                self.running.remove(work)
            self.failed = self.failed or failed
            self.closed = self.closed or failed is not None
            self.news.notify_all()


def places(builds: Iterable[Build], work: Mapping[str, int]) -> dict[int, tuple[int, int]]:
    """By line, where in the order they are begun: that first with which most is left to do of its table.

    A table's builds may have to wait for one another: a table with several is late when it is begun last.
    """
    left: Counter[str] = Counter()
    found: dict[int, tuple[int, int]] = {}
    for build in sorted(builds, key=lambda one: -one.line):
        left[build.table] += work.get(build.table, 0)
        found[build.line] = (-left[build.table], build.line)
    return found


Made = Callable[[psycopg.Connection, int], object]
"""Called with the line of a build that was made, before its transaction ends."""

Load = Callable[[psycopg.Connection, Iterable[Piece]], object]
"""Loads a table's rows in a transaction of their own."""


class Lanes:
    """What of one load is done beside it, and the connections that do it."""

    def __init__(self, builds: Builds, made: Made | None = None, load: Load | None = None) -> None:
        self._made = made
        self._load = load
        self._copies = builds.copies
        self._jobs = builds.jobs
        self._builds = {build.line: build for build in builds.found}
        self._ends = builds.ends
        self._left = dict(self._builds)  # those not yet begun
        self._todo = dict(builds.work)
        self._places: dict[int, tuple[int, int]] = {}
        self._board = _Board(builds.jobs - 1)
        self._threads: list[tuple[threading.Thread, psycopg.Connection]] = []

    def add(self, link: psycopg.Connection) -> None:
        """One more connection; `close` ends what it does."""
        told = copy_context()  # what is told there is about the same run and database
        thread = threading.Thread(target=told.run, args=(self._work, link), name="lane", daemon=True)
        self._threads.append((thread, link))
        thread.start()

    def filled(self, begin: DataBegin, work: int) -> list[Build]:
        """What can be begun now that these rows are in; ``work`` is `work_of` them."""
        with self._board.news:
            self._todo[begin.table] = self._todo.get(begin.table, 0) + work
            if self._ends.get(begin.table) != begin.line:
                return []
            return [b for b in self._left.values() if b.plain and b.table == begin.table]

    def takes(self, begin: DataBegin) -> bool:
        """Whether these rows are a lane's: one has nothing to do, and what they are read under is known."""
        if self._load is None or begin.line not in self._copies:
            return False
        board = self._board
        with board.news:
            return board.busy + len(board.fills) + len(board.waiting) < board.free

    @property
    def filling(self) -> bool:
        """Whether rows that lanes were given are not in yet."""
        return bool(self._board.fills or self._board.filling)

    def fill(self, begin: DataBegin, pieces: tuple[Piece, ...], work: int) -> None:
        """Has a lane load a committed table's last rows."""
        board = self._board
        with board.news:
            board.fills.append(Fill(begin, pieces, self._copies[begin.line], work))
            board.news.notify_all()
        self.check()

    def drain(self) -> None:
        """Waits until all rows are in that lanes were given."""
        board = self._board
        with board.news:
            if self.filling:
                board.free = self._jobs
                board.news.notify_all()
                board.news.wait_for(lambda: board.closed or not self.filling)
                board.free = self._jobs - 1
        self.check()

    def turn(self, piece: Statement) -> list[Build] | None:
        """What is to be begun when the dump comes to this statement; None where it is no build.

        Raises:
            ArtifactCorrupt: the build is another than was read before.
        """
        build = self._builds.get(piece.line)
        if build is None:
            return None
        if build.sql != piece.sql:
            raise ArtifactCorrupt(f"line {piece.line} is not what it was when the dump was examined")
        self.drain()
        return [b for b in self._left.values() if b.plain or b is build]

    def begin(self, builds: Iterable[Build]) -> None:
        """Puts builds up to be made; their tables are committed."""
        board = self._board
        with board.news:
            begun = tuple(builds)
            self._places |= places(begun, self._todo)
            for build in begun:
                del self._left[build.line]
                insort(board.waiting, build, key=lambda one: self._places[one.line])
            board.news.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing is begun that is not done."""
        return self._board.idle

    def finish(self) -> None:
        """Waits until all that was begun is done; the loader's own job is a lane's meanwhile."""
        board = self._board
        with board.news:
            board.free, board.resting = self._jobs, True
            board.news.notify_all()
            while not (self.idle or board.closed):
                board.news.wait()
            board.free, board.resting = self._jobs - 1, False
        self.check()

    def check(self) -> None:
        """Raises what a lane failed with."""
        if self._board.failed is not None:
            raise self._board.failed

    def close(self) -> None:
        """Ends all lanes; a statement under way is cancelled."""
        board = self._board
        with board.news:
            board.closed = True
            board.waiting.clear()
            board.fills.clear()
            busy = bool(board.running or board.filling)
            board.news.notify_all()
        for thread, link in self._threads:
            if busy and thread.is_alive():
                with suppress(psycopg.Error):
                    link.cancel_safe(timeout=CANCEL_SECONDS)
        for thread, _ in self._threads:
            if thread.is_alive():  # a signal may have come amid its start
                thread.join(CANCEL_SECONDS)

    def _work(self, link: psycopg.Connection) -> None:
        before: tuple[Setting, ...] = ()
        while (found := self._board.next()) is not None:
            work, alone = found
            failed: BaseException | None = None
            try:
                for sql in (*_changed(before, work.settings), _ALONE_ON_SERVER[alone]):
                    query(link, sql)
                before = work.settings
                self._do(link, work)
            except psycopg.Error as exc:
                failed = converted(exc, f"line {work.line} of the dump cannot be loaded")
            except BaseException as exc:  # noqa: BLE001 - crosses over and is raised there
                failed = exc
            self._board.done(work, failed)

    def _do(self, link: psycopg.Connection, work: Build | Fill) -> None:
        if isinstance(work, Build):
            _make(link, work, self._made)
            return
        assert self._load is not None  # else no lane is given rows
        self._load(link, work.pieces)
        self.begin(self.filled(work.begin, work.work))


def _changed(before: tuple[Setting, ...], wanted: tuple[Setting, ...]) -> Iterator[bytes]:
    """What makes of a session under these settings one under those; work is not done in the dump's order."""
    same = wanted[: len(before)] == before
    if not same:
        for name in dict.fromkeys(name for setting in before for name in setting.names):
            yield b"RESET " + b".".join(identifier(part.encode()) for part in name.split("."))
    for setting in wanted[len(before) if same else 0 :]:
        yield setting.sql


def _make(link: psycopg.Connection, build: Build, made: Made | None) -> None:
    if made is not None:
        query(link, b"BEGIN")
    link.pgconn.send_query(build.sql)
    [result] = link.wait(generators.execute(link.pgconn))
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise failure(error(result), Sent(build.sql[:PEEK], build.line))
    if made is not None:
        made(link, build.line)
        query(link, b"COMMIT")


@contextmanager
def opened(
    connect: Callable[[], AbstractContextManager[psycopg.Connection]],
    builds: Builds,
    made: Made | None = None,
    load: Load | None = None,
) -> Iterator[Lanes | None]:
    """As many lanes as jobs, or as the server has connections left; None where there is nothing for them."""
    if not (builds.found or (builds.copies and load is not None)) or builds.jobs == 1:
        yield None
        return
    lanes = Lanes(builds, made, load)
    with ExitStack() as stack:
        for number in range(builds.jobs):
            try:
                link = stack.enter_context(connect())
                with converting("another connection for the load cannot be set up"):
                    query(link, b"SET synchronous_commit TO off")
            except ConnectionFailed:
                if number == 0:
                    raise
                break
            if number == 0:
                stack.callback(lanes.close)
            lanes.add(link)
        yield lanes
