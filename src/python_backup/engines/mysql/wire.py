"""Reads a query's rows from the wire, many at a time, without the driver's work for each.

The text protocol without CLIENT_DEPRECATE_EOF, as PyMySQL asks for it: packets of the column count, of
each column, an EOF, then one for each row, then an EOF or an error.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pymysql import err
from pymysql.constants import COMMAND

from python_backup.engines.mysql.connection import Session

_HEADER = 4
_LARGEST = 0xFFFFFF
"""A packet of this length goes on in the next one."""
_READ = 1 << 20
_EOF, _ERROR, _NULL = 0xFE, 0xFF, 0xFB
_EOF_LENGTH = 9
_TWO = 0xFC
_LONGEST_HEADER = 7
_SKIPPED = {0xFC: 3, 0xFD: 4, 0xFE: 9}
"""By a value's first byte the bytes that tell its length; of shorter ones that is the one byte."""


class NoValue(Exception):
    """A row's value is NULL; ``rows`` were given before, and the session is free for another query."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def values(session: Session, sql: str) -> Iterator[list[bytes]]:
    """The values of a query of one column, in lists as they came: of some 200 kB, or of one value.

    Whoever stops early closes the session: the rest of the answer is still to come.

    Raises:
        NoValue: one of them is NULL.
        ServerSaid, NotPermitted, ConnectionFailed: as `Session.rows` raises.
    """
    with _asked(session, sql) as wire:
        total = 0
        while (found := wire.values(total)) is not None:
            total += len(found)
            if found:
                yield found


def rows(session: Session, sql: str) -> Iterator[tuple[bytes | None, ...]]:
    """The rows of a query, each value in bytes; for such as are very long. Raises as `values`."""
    with _asked(session, sql) as wire:
        while not _is_end(packet := wire.packet()):
            yield tuple(_fields(packet))


def _is_end(packet: bytes) -> bool:
    return packet[0] == _EOF and len(packet) < _EOF_LENGTH


def _fields(packet: bytes) -> Iterator[bytes | None]:
    at = 0
    while at < len(packet):
        first = packet[at]
        if first == _NULL:
            at += 1
            yield None
            continue
        told = _SKIPPED.get(first, 1)
        length = int.from_bytes(packet[at + 1 : at + told], "little") if told > 1 else first
        at += told + length
        yield packet[at - length : at]


@contextmanager
def _asked(session: Session, sql: str) -> Iterator[_Wire]:
    """The answer to a query, from its first row on."""
    with session.raw() as connection:
        connection._execute_command(COMMAND.COM_QUERY, sql)  # noqa: SLF001 - its reader is left out
        wire = _Wire(connection._rfile.read1)  # noqa: SLF001
        for _ in range(wire.packet()[0] + 1):
            wire.packet()
        yield wire


class _Wire:
    """The bytes of an answer: what was read and not yet taken."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self._ended = False

    def packet(self) -> bytes:
        """The next packet; those that belong together are one."""
        pieces = [self._one()]
        if pieces[0][0] == _ERROR:
            err.raise_mysql_exception(pieces[0])
        while len(pieces[-1]) == _LARGEST:
            pieces.append(self._one())
        return b"".join(pieces) if len(pieces) > 1 else pieces[0]

    def _one(self) -> bytes:
        self._need(_HEADER)
        length = int.from_bytes(self._buffer[self._at : self._at + 3], "little")
        self._need(_HEADER + length)
        start = self._at + _HEADER
        self._at = start + length
        return self._buffer[start : self._at]

    def values(self, before: int) -> list[bytes] | None:
        """The values of all short rows that are here, or of one of any length; None at the end.

        A value's own length tells where the next packet begins: the packets' headers are not looked at.
        """
        if self._ended:
            return None
        found: list[bytes] = []
        add = found.append
        buffer, at = self._buffer, self._at
        last = len(buffer)
        enough = last - _LONGEST_HEADER
        while at < enough:
            first = buffer[at + _HEADER]
            if first < _NULL:
                start = at + 5
                follows = start + first
            elif first == _TWO:
                start = at + 7
                follows = start + (buffer[at + 5] | buffer[at + 6] << 8)
            else:
                break
            if follows > last:
                break
            add(buffer[start:follows])
            at = follows
        self._at = at
        if found:
            return found
        packet = self.packet()
        if packet[0] == _NULL:
            while not _is_end(self.packet()):
                pass
            raise NoValue(before)
        if _is_end(packet):
            self._ended = True
        else:
            found.append(packet[_SKIPPED.get(packet[0], 1) :])
        return found

    def _some(self) -> bytes:
        found = self._read(_READ)
        if not found:
            raise err.OperationalError(2013, "Lost connection to MySQL server during query")
        return found

    def _need(self, length: int) -> None:
        """Reads until so many bytes are here."""
        here = len(self._buffer) - self._at
        if here >= length:
            return
        pieces = [self._buffer[self._at :]]
        while here < length:
            pieces.append(self._some())
            here += len(pieces[-1])
        self._buffer, self._at = b"".join(pieces), 0
