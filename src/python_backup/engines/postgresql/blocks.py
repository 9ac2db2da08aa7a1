"""Sending rows to a server that takes them by ``COPY … FROM stdin``, in blocks."""

from __future__ import annotations

from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

_BLOCK = 128 << 10
"""Bytes handed to libpq at once; beyond this its buffer handling gets slower (psycopg's own bound)."""


def blocks(pgconn: PGconn, text: bytes) -> PQGen[None]:
    """Sends COPY data; each block is on its way to the server before the next is handed over."""
    view = memoryview(text)
    for start in range(0, len(view), _BLOCK):
        while not pgconn.put_copy_data(view[start : start + _BLOCK]):
            yield from _room(pgconn)
        yield from _room(pgconn)
        while pgconn.flush():
            yield from _room(pgconn)


def _room(pgconn: PGconn) -> PQGen[None]:
    """Waits until more can be sent; raises at the connection's end.

    psycopg's own `generators.copy_to` does not read meanwhile, and waits for ever where what is between
    here and a server that died (a proxy, a tunnel) closed one direction alone.
    """
    ready = 0
    while not ready & Ready.W:
        ready = (yield Wait.RW) or 0
        if ready & Ready.R:
            pgconn.consume_input()
