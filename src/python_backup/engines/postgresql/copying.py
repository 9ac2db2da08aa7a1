"""Reading what ``COPY … TO stdout`` sends, in large blocks of whole rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

BLOCK = 256 << 10
"""Bytes of rows that are given at once, about."""


def finished(link: psycopg.Connection) -> None:
    """Waits for the end of what was sent; raises what it failed with."""
    for result in link.wait(generators.execute(link.pgconn)):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")


def copied(link: psycopg.Connection, sql: bytes) -> Iterator[tuple[int, bytes]]:
    """The rows of ``COPY … TO stdout`` in the text format, with how many there are in each block."""
    pgconn = link.pgconn
    pgconn.send_query(sql)
    [result] = link.wait(generators.execute(pgconn))
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")
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
