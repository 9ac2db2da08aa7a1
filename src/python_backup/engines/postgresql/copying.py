"""Reading what ``COPY … TO stdout`` sends, in large blocks.

The server sends each row as a message, and libpq gives one at a time: of short rows that takes longer than
all else. So they are read straight off the socket (`unframing`), and libpq gets the rest. Where it alone
can read, for the connection is encrypted, rows come through a psql (`psql`), or by libpq if there is none.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from python_backup.engines.postgresql.connection import query
from python_backup.engines.postgresql.unframing import LONGEST, Unframing

BLOCK = 256 << 10
"""Bytes of rows that are given at once, about."""

_LITTLE = 64 << 10
_PAUSE = 0.0002
"""A server flushes 8 KiB at a time. Woken for each of them, a reader is busier with waking than with rows."""

_OF_LIBPQ = 8 << 10
"""Bytes that libpq has room for at any time (fe-misc.c, pqReadData)."""


class Lane(Protocol):
    """A session under the snapshot, which one thread reads rows by."""

    @property
    def encoding(self) -> bytes:
        """That of the rows' text, by the server's name."""
        ...

    def rows(self, lock: bytes, sql: bytes) -> Iterator[tuple[int, bytes]]:
        """The rows of ``COPY … TO stdout`` behind the statement ``lock``, as `copied` gives them.

        Raises:
            psycopg.Error: to be converted by `connection.converting`.
            ToolFailed: what reads them was ended.
        """
        ...

    def stop(self, seconds: float) -> None:
        """Ends what is being read, in any thread: it raises soon; the server is asked for so long."""
        ...


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection of this process as a `Lane`."""

    link: psycopg.Connection

    @property
    def encoding(self) -> bytes:
        """What the connection speaks."""
        return self.link.pgconn.parameter_status(b"client_encoding") or b"UTF8"

    def rows(self, lock: bytes, sql: bytes) -> Iterator[tuple[int, bytes]]:
        """See `Lane.rows`."""
        query(self.link, lock)
        return copied(self.link, sql)

    def stop(self, seconds: float) -> None:
        """Cancels the statement."""
        with suppress(psycopg.Error):
            self.link.cancel_safe(timeout=seconds)


def finished(link: psycopg.Connection) -> None:
    """Waits for the end of what was sent; raises what it failed with."""
    for result in link.wait(generators.execute(link.pgconn)):
        _check(result)


def copied(link: psycopg.Connection, sql: bytes) -> Iterator[tuple[int, bytes]]:
    """The rows of ``COPY … TO stdout`` in the text format, cut anywhere; with how many end in each block."""
    link.pgconn.send_query(sql)
    return _by_libpq(link) if link.pgconn.ssl_in_use else _off_the_socket(link)


def _check(result: PGresult) -> None:
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")


def _off_the_socket(link: psycopg.Connection) -> Iterator[tuple[int, bytes]]:
    pgconn = link.pgconn
    link.wait(_sent(pgconn))
    unframing, total = Unframing(), 0
    while not unframing.ended and (data := _read(link, pgconn.socket)):
        rows, text = unframing.take(data)
        total += rows
        if text:
            yield rows, text
    told = _hand_over(pgconn, unframing.others)
    if told != total:
        raise psycopg.OperationalError(f"the server sent {told} rows, and {total} were read")


def _read(link: psycopg.Connection, descriptor: int) -> bytes:
    """What there is, at most what `Unframing` takes; nothing at the connection's end."""
    data = _at_once(descriptor)
    while data is None:
        link.wait(_readable())
        data = _at_once(descriptor)
    if 0 < len(data) < _LITTLE:
        time.sleep(_PAUSE)
        data += _at_once(descriptor) or b""
    return data


def _at_once(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, LONGEST // 2)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""  # libpq finds words for it


def _sent(pgconn: PGconn) -> PQGen[None]:
    """Waits until the server has all of the query."""
    while pgconn.flush():
        yield Wait.W


def _readable() -> PQGen[None]:
    """Waits for more from the server."""
    while not (yield Wait.R):
        pass


def _hand_over(pgconn: PGconn, messages: bytes) -> int:
    """Has libpq read all messages but the rows, through a socket in its own's place; gives how many rows.

    Where they are not all, its connection is at its end, too.

    Raises:
        psycopg.Error: what the messages say.
    """
    own, real = pgconn.socket, os.dup(pgconn.socket)
    ours, its = socket.socketpair()
    try:
        its.setblocking(False)  # noqa: FBT003 - so it is called
        os.dup2(its.fileno(), own, inheritable=False)
        its.close()
        rest = memoryview(messages)
        while rest:
            rest = rest[ours.send(rest[:_OF_LIBPQ]) :]
            pgconn.consume_input()
        ours.close()
        return _rows_told(pgconn)
    finally:
        os.dup2(real, own, inheritable=False)
        os.close(real)
        ours.close()
        its.close()


def _rows_told(pgconn: PGconn) -> int:
    """How many rows the server says it sent; libpq has all it said, and behind that the connection's end."""
    results: list[PGresult] = []
    while (result := pgconn.get_result()) is not None:
        results.append(result)
        if result.status == pq.ExecStatus.COPY_OUT:
            pgconn.get_copy_data(0)  # all that comes is its end, or raises that there is none
    for result in results:  # all of them, else the connection could not go on
        _check(result)
    return results[-1].command_tuples or 0


def _by_libpq(link: psycopg.Connection) -> Iterator[tuple[int, bytes]]:
    pgconn = link.pgconn
    [result] = link.wait(generators.execute(pgconn))
    _check(result)
    get, block, rows = pgconn.get_copy_data, bytearray(), 0
    while True:
        length, row = get(1)
        if length > 0:
            block += row  # libpq's own memory is given back at once: kept rows take twice the time
            rows += 1
            if len(block) >= BLOCK:
                yield rows, bytes(block)
                block, rows = bytearray(), 0
        elif length == 0:
            link.wait(_more(pgconn))
        else:
            break
    if rows:
        yield rows, bytes(block)
    finished(link)


def _more(pgconn: PGconn) -> PQGen[None]:
    """Waits for more from the server."""
    while not (yield Wait.R):
        pass
    pgconn.consume_input()
