"""Reads a query's rows from the wire, many at a time, without the driver's work for each.

The text protocol without CLIENT_DEPRECATE_EOF, as PyMySQL asks for it: packets of the column count, of
each column, an EOF, then one for each row, then an EOF or an error.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from pymysql import err
from pymysql.constants import COMMAND, CR

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
_LONG = 1 << 20
"""Bytes of a packet, from which on it is nowhere held whole."""


_LOST = "Lost connection to MySQL server during query"
"""As the driver says it."""


class NoValue(Exception):
    """A row's value is NULL; ``rows`` were given before, and the session is free for another query."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Long:
    """A value of so many bytes as it comes: ``pieces`` are taken, all of them, before anything else."""

    length: int
    pieces: Iterator[bytes]


def values(session: Session, sql: str) -> Iterator[list[bytes] | Long]:
    """The values of a query of one column, in lists as they came: of some 200 kB; long ones by themselves.

    Whoever stops early closes the session: the rest of the answer is still to come.

    Raises:
        NoValue: one of them is NULL.
        ServerSaid, NotPermitted, ConnectionFailed: as `Session.rows` raises.
    """
    with _asked(session, sql) as wire:
        total = 0
        while (found := wire.values(total)) is not None:
            total += 1 if isinstance(found, Long) else len(found)
            if found:
                yield found


def rows(session: Session, sql: str) -> Iterator[Iterator[Long | None]]:
    """The rows of a query, each with its values; for such as are very long. Raises as `values`."""
    with _asked(session, sql) as wire:
        while not wire.at_end():
            yield _fields(_Content(wire.pieces()))


def _is_end(packet: bytes) -> bool:
    return packet[0] == _EOF and len(packet) < _EOF_LENGTH


def _fields(content: _Content) -> Iterator[Long | None]:
    while first := content.take(1):
        if first[0] == _NULL:
            yield None
            continue
        told = _SKIPPED.get(first[0], 1) - 1
        length = int.from_bytes(content.take(told), "little") if told else first[0]
        yield Long(length, content.through(length))


class _Content:
    """A packet's content, taken from its beginning on."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._here = b""

    def take(self, length: int) -> bytes:
        """So many bytes; fewer at the end."""
        return b"".join(self.through(length))

    def through(self, length: int) -> Iterator[bytes]:
        """So many bytes as they come; fewer at the end."""
        left = length
        while left and (self._here or (more := next(self._pieces, b""))):
            here = self._here or more
            found, self._here = here[:left], here[left:]
            left -= len(found)
            yield found


@contextmanager
def _asked(session: Session, sql: str) -> Iterator[_Wire]:
    """The answer to a query, from its first row on."""
    with session.raw() as connection:
        connection._execute_command(COMMAND.COM_QUERY, sql)  # noqa: SLF001 - its reader is left out
        wire = _Wire(session)
        for _ in range(wire.packet()[0] + 1):
            wire.packet()
        yield wire


class _Wire:
    """The bytes of an answer: what was read and not yet taken."""

    def __init__(self, session: Session) -> None:
        self._session = session
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

    def pieces(self) -> Iterator[bytes]:
        """The content of the next packet, and of those that belong to it, as it comes."""
        length = _LARGEST
        while length == _LARGEST:
            self._need(_HEADER)
            length = left = self._length()
            self._at += _HEADER
            while left:
                if self._at == len(self._buffer):
                    self._buffer, self._at = self._some(), 0
                piece = self._buffer[self._at : self._at + left]
                self._at += len(piece)
                left -= len(piece)
                yield piece

    def at_end(self) -> bool:
        """Whether no further row comes; takes the packet that says so, which may be an error."""
        self._need(_HEADER + 1)
        first = self._buffer[self._at + _HEADER]
        if first == _ERROR or (first == _EOF and self._length() < _EOF_LENGTH):
            return _is_end(self.packet())
        return False

    def _length(self) -> int:
        return int.from_bytes(self._buffer[self._at : self._at + 3], "little")

    def _one(self) -> bytes:
        self._need(_HEADER)
        length = self._length()
        self._need(_HEADER + length)
        start = self._at + _HEADER
        self._at = start + length
        return self._buffer[start : self._at]

    def values(self, before: int) -> list[bytes] | Long | None:
        """The values of all short rows that are here, or one of any length; None at the end.

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
        return self._longer(before)

    def _longer(self, before: int) -> list[bytes] | Long | None:
        """One value by its packet; ``before`` are those that were given."""
        self._need(_HEADER)
        if self._length() >= _LONG:
            content = _Content(self.pieces())
            value = next(_fields(content))
            if value is None:
                raise AssertionError("a row of one column goes on behind it")
            return Long(value.length, chain(value.pieces, content.through(1)))  # an empty packet may end it
        packet = self.packet()
        if packet[0] == _NULL:
            while not _is_end(self.packet()):
                pass
            raise NoValue(before)
        if _is_end(packet):
            self._ended = True
            return []
        return [packet[_SKIPPED.get(packet[0], 1) :]]

    def _some(self) -> bytes:
        """What comes next; errors are turned here: a long value's pieces are taken outside of `_asked`."""
        with self._session.raw() as connection:
            try:
                found: bytes = connection._rfile.read1(_READ)  # noqa: SLF001
            except OSError as exc:
                raise err.OperationalError(CR.CR_SERVER_LOST, f"{_LOST} ({exc})") from exc
            if not found:
                raise err.OperationalError(CR.CR_SERVER_LOST, _LOST)
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
