r"""Rows by ``COPY … TO stdout`` through a psql, where libpq alone can read what the server sends.

libpq gives each row whole, several times in memory while it grows. A psql takes that on itself, one for each
lane, which stays open: it is told by its stdin what to read. Behind the rows it writes a line that begins
with ``\.``, as none of them does: COPY writes a backslash in a value as two, and after a single one stands
one of ``bfnrtvN`` (https://www.postgresql.org/docs/current/sql-copy.html, Text Format).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from python_backup.engines import liveness
from python_backup.engines.liveness import Patience
from python_backup.engines.postgresql import connection, dump
from python_backup.engines.postgresql.dump import Request
from python_backup.engines.postgresql.tools import Tool
from python_backup.errors import ToolFailed
from python_backup.instance import Instance
from python_backup.stream.bounds import Silence
from python_backup.stream.child import Child, Command, running
from python_backup.stream.ending import Ending

_END = b"\\."
_MARK = b"\\echo '\\\\.'\n"
_COUNTED = b" \\g /dev/stdout\n\\echo '\\\\.' :ROW_COUNT\n"
r"""psql forgets how many rows there were where they went to its own output: `\g` opens that once more."""

_LAST_LINE = re.compile(rb"(?:\A|\n)\\\.[ 0-9]*\n\Z")
_LONGEST = 40
"""Bytes that the last line may have, and more."""

_SAID = re.compile(r"(?:psql:<stdin>:\d+: )?[^\s:]+:\s+([0-9A-Z]{5}): (.*)")
_OURS = re.compile(r"^psql:(<stdin>:\d+:)? (error: )?(could not connect to server: )?")
_NO_ERROR = ("00", "01", "02")
"""Classes of SQLSTATE: success, warning, no data."""


def _is_all(block: memoryview) -> bool:
    """Whether it ends with the line behind the rows."""
    return _LAST_LINE.search(block[-_LONGEST:]) is not None


class Unmarking:
    """Takes what psql writes: rows, and the line behind them; ``end`` is what else that says."""

    def __init__(self) -> None:
        self.end: bytes | None = None
        self._held = b""  # of a line that may be the last one
        self._fresh = True  # whether a line begins with what comes

    def take(self, data: bytes) -> tuple[int, bytes]:
        """The rows in it, cut where it is cut; and how many of them end in it."""
        data, self._held = self._held + data, b""
        begin = data.rfind(b"\n", 0, -1) + 1
        if (begin or self._fresh) and _END.startswith(data[begin : begin + len(_END)]):
            data, last = data[:begin], data[begin:]
            if last.endswith(b"\n"):
                self.end = last[len(_END) :].strip()
            else:
                self._held = last
        if data:
            self._fresh = data.endswith(b"\n")
        return data.count(b"\n"), data


@dataclass(slots=True)
class _Watch:
    """Asks the server whether it lives, each time that a silence is as much longer as its patience."""

    instance: Instance
    told: dict[str, str]
    bounds: Patience
    asked: float = 0.0

    def __call__(self, quiet: float) -> None:
        self.asked = self.asked if quiet >= self.asked else 0.0
        if quiet - self.asked >= self.bounds.silence:
            connection.ask(self.told, self.instance, self.bounds)
            self.asked = quiet


class Psql:
    """A psql under the snapshot; see `copying.Lane`. Where it is ``counted``, the server's count is heard."""

    def __init__(self, child: Child, encoding: bytes, *, counted: bool) -> None:
        self.encoding = encoding
        self._child = child
        self._blocks = child.blocks(_judged, _is_all)
        self._after = _COUNTED if counted else b";\n" + _MARK

    def begun(self) -> None:
        """Waits until it has done what it was started with."""
        for _ in self._answer():
            pass

    def rows(self, lock: bytes, sql: bytes) -> Iterator[tuple[int, bytes]]:
        """See `copying.Lane.rows`."""
        self._child.give(lock + b";\n" + sql + self._after)
        return self._answer()

    def stop(self, seconds: float) -> None:  # noqa: ARG002 - nobody is asked
        """Ends psql; the server notices when it sends the next rows."""
        self._child.end()

    def leave(self) -> None:
        """Has it end the session as the server likes it; nothing is asked of it any more."""
        with suppress(psycopg.Error, ToolFailed):
            self._child.give(b"\\q\n")
            for _ in self._blocks:
                pass

    def _answer(self) -> Iterator[tuple[int, bytes]]:
        unmarking, total = Unmarking(), 0
        while unmarking.end is None:
            block = next(self._blocks, None)
            if block is None:
                raise psycopg.OperationalError("psql ended before the rows did")
            rows, text = unmarking.take(block)
            total += rows
            if text:
                yield rows, text
        if unmarking.end and int(unmarking.end) != total:
            raise psycopg.OperationalError(
                f"the server sent {int(unmarking.end)} rows, and {total} were read"
            )


@contextmanager
def opened(
    request: Request, tool: Tool, environment: dict[str, str], encoding: bytes, begin: Sequence[bytes]
) -> Iterator[Psql]:
    """A psql that has run the statements ``begin``; its password comes to it as pg_dump's does.

    Raises:
        ConnectionFailed, NotPermitted: it finds no connection.
        psycopg.Error: the server refuses a statement; to be converted by `connection.converting`.
    """
    instance = request.instance
    prompted = dump.is_prompted(instance)
    told = dump.parameters(request)
    argv = (
        *tool.argv, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
        "--file=-", "--password" if prompted else "--no-password",
        "--dbname=" + connection.conninfo(told | connection.KEEPALIVE),
    )  # fmt: skip
    said = dump.answer(instance, "psql") + b";\n".join((*begin, _MARK))
    where = connection.address(instance.host, instance.port, instance.socket)
    seen = connection.parameters(where, instance, request.database)
    watch = _Watch(instance, seen, liveness.patience(instance.limits.idle))
    with (
        dump.password_files(instance, "psql", prompted=prompted) as own,
        running(Command(argv, environment | own, said, listens=True), silence=Silence(watch=watch)) as child,
    ):
        lane = Psql(child, encoding, counted=not instance.tools.command)
        try:
            lane.begun()
        except psycopg.Error as exc:
            if exc.sqlstate is None:
                raise connection.refused(exc, told, instance) from None
            raise
        yield lane
        lane.leave()


def _judged(ending: Ending) -> None:
    """Raises psycopg's error for what the server said last, or psql itself."""
    if ending.returncode == 0:
        return
    lines = ending.lines
    for said in filter(None, map(_SAID.match, reversed(lines))):
        if not said[1].startswith(_NO_ERROR):
            raise _error(said[1], said[2])
    if ending.returncode < 0:
        raise ToolFailed(f"psql, which reads rows, failed (signal {-ending.returncode})")
    words = "\n".join(_OURS.sub("", line) for line in lines)
    raise psycopg.OperationalError(words or f"psql failed (exit status {ending.returncode})")


def _error(state: str, words: str) -> psycopg.Error:
    try:
        error: psycopg.Error = psycopg.errors.lookup(state)(words)
    except KeyError:
        error = psycopg.DatabaseError(words)
    error.sqlstate = state
    return error
