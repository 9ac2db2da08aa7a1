"""Child processes: started without a shell, read to their exit status, ended with all they started.

This is the one module that starts programs. A child runs in its own session, so that its whole
process group can be ended. One poll loop serves its stdin, stdout and stderr, so that none of them
can block the others and no thread is needed. End of file is not success: `Child.blocks` ends only
after the exit status is known and was judged.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from python_backup.errors import ToolFailed
from python_backup.log.events import Event
from python_backup.log.tell import tell
from python_backup.stream import leash
from python_backup.stream.bounds import Bounds, Silence
from python_backup.stream.capped import KEPT, Capped
from python_backup.stream.conversation import Conversation
from python_backup.stream.ending import Ending
from python_backup.stream.processes import ends_with_us, living_in_group, until
from python_backup.stream.starting import not_started
from python_backup.stream.stdin import Stdin

BLOCK = 256 << 10
"""Bytes of one block: what is summed, lexed and copied stays in the cache, and leaves others some of it."""

PIPE = 1 << 20
"""Bytes that a child may be ahead: with the usual 64 KiB a pipe carries half as much."""

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_GATHER = 0.1
"""Seconds after which a block is passed on although it is not full."""

_NAP = 0.0005
"""Seconds that a slow writer is given to fill the pipe: fewer wake-ups for the same bytes."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is started, without a shell. ``input`` is written to its stdin, which is then closed.

    Where it ``listens``, that stays open, for `Child.give` or a `Conversation`.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    input: bytes = field(default=b"", repr=False)
    listens: bool = False

    @property
    def name(self) -> str:
        """The program as errors name it: ``pg_dump``."""
        return Path(self.argv[0]).name


def output_of(command: Command, *, timeout: float = 30) -> tuple[bytes, Ending]:
    """What a program that writes little (``--version``) wrote to stdout, and how it ended.

    Raises:
        ToolMissing: the program is not there or cannot be run.
        ToolFailed: it did not end in time. A non-zero exit status is for the caller to judge.
    """
    endings: list[Ending] = []
    with running(command, timeout=timeout) as child:
        output = b"".join(child.blocks(endings.append))
    return output, endings[0]


@contextmanager
def running(
    command: Command, *, timeout: float | None = None, silence: Silence | None = None
) -> Iterator[Child]:
    """Starts a program; on leaving, its whole process group is ended and waited for.

    Args:
        command: What is started.
        timeout: Seconds for the whole run, from now to the exit status; None for no bound.
        silence: What is done while it writes nothing; None for nothing.

    Raises:
        ToolMissing: the program is not there or cannot be run.
    """
    child = Child(command, *_started(command), Bounds(timeout, silence or Silence()))
    tell(Event.TOOL_STARTED, f"{command.name} started", argv=command.argv)
    try:
        yield child
    finally:
        child.end()


@contextmanager
def conversing(command: Command, *, silence: float) -> Iterator[Conversation]:
    """Starts a program that is asked and answers; on leaving, its whole process group is ended.

    Raises:
        ToolMissing: the program is not there or cannot be run.
    """
    with running(replace(command, listens=True)) as child:
        yield child.conversation(silence)


@contextmanager
def leashed(
    plan: Mapping[str, object], environment: Mapping[str, str], log: Path, held: tuple[int, ...] = ()
) -> Iterator[Leashed]:
    """Starts what ``plan`` says under `leash`, which ends it with this block or with this process.

    What the programs write goes to the file ``log``; the descriptors ``held`` stay open as long as it lives.

    Raises:
        ToolFailed: it could not be started.
    """
    argv = [sys.executable, leash.__file__, json.dumps(plan)]
    with log.open("ab") as written:
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=written, stderr=written, start_new_session=True,
                env=dict(environment), pass_fds=held,
            )  # fmt: skip
        except OSError as exc:
            raise ToolFailed(f"program {argv[0]!r} could not be started: {exc.strerror}") from exc
    try:
        yield Leashed(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        if Path(str(plan.get("kept") or "")).is_file():
            process.returncode = 0  # it goes on, and nobody waits for it
        process.wait()


@dataclass(frozen=True, slots=True)
class Leashed:
    """A server on a leash; ``status`` is None while it lives."""

    _process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The process at the leash's other end; a SIGTERM to it ends a server that was kept."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status of the server, or of what makes its data where that failed."""
        return self._process.poll()


def _started(command: Command) -> tuple[subprocess.Popen[bytes], int]:
    """The program's process, and the descriptor whose closing ends it."""
    try:
        line, held = os.pipe()
    except OSError as exc:
        raise not_started(command.name, command.argv[0], exc) from exc
    try:
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.PIPE if command.input or command.listens else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(command.environment),
            bufsize=0,
            start_new_session=True,
            pass_fds=(line,),
        )
        ends_with_us(process.pid, line)
    except OSError as exc:
        os.close(held)
        raise not_started(command.name, command.argv[0], exc) from exc
    finally:
        os.close(line)
    return process, held


class Child:
    """A running program. One thread reads it; any thread may end it."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes], held: int, bounds: Bounds) -> None:
        self._name = command.name
        self._process, self._held = process, held
        self._begun = time.monotonic()
        self._bounds = bounds
        self._stderr = Capped()
        self._ended = False
        self._serving = threading.Lock()  # held while descriptors are in use, so that none is closed then
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        self._out, self._err = (-1 if p is None else p.fileno() for p in (process.stdout, process.stderr))
        for descriptor in (self._out, self._err):
            self._poll.register(descriptor, select.POLLIN)
        self._in = Stdin(process.stdin, command.input, self._poll, stays=command.listens)
        with suppress(OSError):  # refused where /proc/sys/fs/pipe-user-pages-* are used up: slower, not wrong
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, PIPE)

    def blocks(
        self, judge: Callable[[Ending], None], is_all: Callable[[memoryview], bool] = lambda _: False
    ) -> Iterator[bytes]:
        """What the child writes to stdout, in blocks of up to `BLOCK`, to its exit status.

        ``is_all`` tells of a block that nothing follows it before the child is given more.

        ``judge`` is called once, after end of file and exit; it raises or records, and only then
        does the iterator end. May run in another thread than the one that made the child.

        Raises:
            ToolFailed: the time is over, or the child was ended from outside (`end`).
        """
        buffer = memoryview(bytearray(BLOCK))
        self._bounds.heard()
        while True:
            with self._serving:
                count = self._fill(buffer, is_all)
            if count is None:
                self._bounds.look()  # not under the lock: it may take its time, and `end` must not
                continue
            if not count:
                break
            yield bytes(buffer[:count])
            self._bounds.heard()
        with self._serving:
            ending = self._ending()
        judge(ending)

    def conversation(self, silence: float) -> Conversation:
        """The child's pipes, for one who asks it; its `blocks` are not read then."""
        return Conversation(self._name, self._in.descriptor, self._out, self._err, silence=silence)

    def give(self, data: bytes) -> None:
        """Adds to what a child that listens reads; it is sent while the child is read."""
        with self._serving:
            self._check()
            self._in.give(data)

    def forgive(self, seconds: float) -> None:
        """The reader paused for so long, which does not count for the timeout; its silence never does."""
        self._bounds.forgive(seconds)

    def end(self) -> None:
        """Ends the whole process group and waits for it; does nothing the second time."""
        if self._ended:
            return
        self._ended = True
        os.eventfd_write(self._wake, 1)
        try:
            if self._status() is None:
                self._signal(signal.SIGTERM)
                until(lambda: self._status() is not None, GRACE)
        finally:
            # The leader is not reaped before this, so its number cannot be another group's by now.
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._close()
        until(self._group_gone, GRACE)

    def _fill(self, buffer: memoryview, is_all: Callable[[memoryview], bool]) -> int | None:
        """Reads stdout until the buffer is full, is all, some time has passed, or its end (0 bytes).

        None: it is time to look why nothing comes.
        """
        count = 0
        latest = 0.0
        napped = False
        while count < BLOCK:
            self._check()
            try:
                got = os.readv(self._out, [buffer[count:]])
            except BlockingIOError:
                now = time.monotonic()
                if count and (now >= latest or is_all(buffer[:count])):
                    break
                if count and not napped:
                    time.sleep(_NAP)
                    napped = True
                    continue
                if not count and self._bounds.due:
                    return None
                self._serve(latest - now if count else None)
                continue
            if not got:
                break
            if not count:
                latest = time.monotonic() + _GATHER
            count += got
            napped = False
        return count

    def _ending(self) -> Ending:
        """Waits for the exit status, serving stderr meanwhile."""
        self._poll.unregister(self._out)
        delay = _NAP
        while (status := self._status()) is None:
            self._check()
            self._serve(delay)
            delay = min(delay * 2, 0.05)
        self._check()
        self._drain_stderr()
        ending = Ending(status, self._stderr.text())
        seconds = round(time.monotonic() - self._begun, 3)
        tell(
            Event.TOOL_ENDED,
            f"{self._name} ended",
            program=self._name,
            exit_status=status,
            seconds=seconds,
            stderr=ending.stderr,
        )
        return ending

    def _check(self) -> None:
        if self._ended:
            raise ToolFailed(f"{self._name} was ended before it was done")
        self._bounds.check(self._name)

    def _serve(self, wait: float | None) -> None:
        """Waits until a pipe is ready, at most ``wait`` seconds and the bounds; serves stdin and stderr."""
        wait = self._bounds.wait(wait)
        for ready, _ in self._poll.poll(None if wait is None else wait * 1000):
            if ready == self._err:
                self._drain_stderr()
            elif ready == self._in.descriptor:
                self._in.send()

    def _drain_stderr(self) -> None:
        while True:
            try:
                piece = os.read(self._err, KEPT) if self._err >= 0 else b""
            except BlockingIOError:
                return
            if not piece:
                break
            self._stderr.add(piece)
            self._bounds.heard()
        if self._err >= 0:
            self._poll.unregister(self._err)
            self._err = -1

    def _status(self) -> int | None:
        """The leader's exit status, or None while it runs; leaves it to be reaped by `end`."""
        if self._process.returncode is not None:
            return self._process.returncode
        try:
            seen = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # another thread is just reaping it, in `end`
            return None
        if seen is None:
            return None
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # a group of set-uid programs only
            os.killpg(self._process.pid, number)

    def _group_gone(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return not any(living_in_group(self._process.pid))

    def _close(self) -> None:
        with self._serving:
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
            os.close(self._wake)
            os.close(self._held)
