"""A statement sent packet by packet, so that a row of a gigabyte is nowhere held whole.

The driver takes a statement as one value. The protocol does not need its length beforehand: every packet of
it is full (16 MiB less one byte) but the last, which may be empty.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from pymysql.connections import MAX_PACKET_LEN
from pymysql.constants import COMMAND


def query(connection: Any, parts: Iterable[bytes | bytearray]) -> int:
    """Sends the parts as one query of a PyMySQL connection that is idle; gives its affected rows."""
    connection._next_seq_id = 0  # noqa: SLF001 - a command begins
    held = bytearray([COMMAND.COM_QUERY])
    for part in parts:
        rest = memoryview(part)
        while len(held) + len(rest) >= MAX_PACKET_LEN:
            cut = MAX_PACKET_LEN - len(held)
            held += rest[:cut]
            _packet(connection, held)
            held, rest = bytearray(), rest[cut:]
        held += rest
    _packet(connection, held)
    return int(connection._read_query_result())  # noqa: SLF001 - as its own query() does


def _packet(connection: Any, payload: bytearray) -> None:
    """Writes one packet; the driver's own way makes a copy of it."""
    number = connection._next_seq_id  # noqa: SLF001
    connection._write_bytes(struct.pack("<I", len(payload) | number << 24))  # noqa: SLF001
    connection._write_bytes(payload)  # noqa: SLF001
    connection._next_seq_id = (number + 1) % 256  # noqa: SLF001
