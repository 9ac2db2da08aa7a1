"""Dumping a restored database once more, as its backup was dumped: rows have one spelling for each way.

A part's FLOAT has the digits that bring it back, a dump tool's has six.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from python_backup.engines.engine import Server
from python_backup.engines.parts import PartsSource
from python_backup.instance import Limits
from python_backup.model import Scope
from python_backup.stream.bounds import Bounds, Silence

_BLOCK = 256 << 10
"""Bytes that are given at once."""


@dataclass(frozen=True, slots=True)
class Again:
    """The dump's blocks; ``forgive`` is told how many seconds nobody read them."""

    blocks: Iterable[bytes]
    forgive: Callable[[float], None]


@contextmanager
def dumped_again(server: Server, database: str, limits: Limits, *, parts: bool) -> Iterator[Again]:
    """A running dump of a database that nobody writes to; ``parts``: as a backup in parts.

    Raises:
        ServerError, ToolFailed: (by the blocks, too) it cannot be dumped, or takes longer than its timeout.
    """
    if not parts:
        with server.plan_dump(database, limits).start() as dump:
            yield Again(dump.blocks, dump.forgive)
        return
    bounds = Bounds(limits.timeout, Silence())
    with server.plan_parts(database, limits, 1, Scope.NONE).start() as source:
        yield Again(_joined(source, bounds, f"the second dump of {database!r}"), bounds.forgive)


def _joined(source: PartsSource, bounds: Bounds, doing: str) -> Iterator[bytes]:
    block = bytearray()
    for part in source.parts:
        with source.read(part, 0) as pieces:
            for piece in pieces:
                block += piece.text
                while len(block) >= _BLOCK:
                    bounds.check(doing)
                    yield bytes(block[:_BLOCK])
                    del block[:_BLOCK]
    yield bytes(block)
