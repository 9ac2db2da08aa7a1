"""Dumps and restores through the engine and the dialect alone, as the jobs put them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import Piece
from python_backup.engines.engine import Server
from python_backup.engines.mysql.engine import ENGINE
from python_backup.engines.replacing import Swap
from python_backup.instance import Instance, Limits
from python_backup.model import Facts


@dataclass(frozen=True)
class Dump:
    """A whole dump in memory, with its facts."""

    text: bytes
    facts: Facts
    errors: list[str]
    warnings: list[str]
    client: str


@contextmanager
def connected(instance: Instance) -> Iterator[Server]:
    """A connection that is closed at the end."""
    server = ENGINE.connect(instance)
    try:
        yield server
    finally:
        server.close()


def dump(server: Server, database: str) -> Dump:
    """Dumps the database, and counts the dump in blocks as they came."""
    plan = server.plan_dump(database, Limits(timeout=120))
    counter = FactsCounter(ENGINE.dialect.objects(), ENGINE.dialect.statements(database))
    lexer = ENGINE.dialect.lexer()
    blocks: list[bytes] = []
    with plan.start() as stream:
        for block in stream.blocks:
            blocks.append(block)
            for piece in lexer.feed(block):
                counter.take(piece)
    for piece in lexer.finish():
        counter.take(piece)
    return Dump(b"".join(blocks), counter.result(), stream.errors, stream.warnings, plan.client)


def pieces(text: bytes, size: int = 65_521) -> Iterator[Piece]:
    """The dump's pieces, read in blocks of this size."""
    lexer = ENGINE.dialect.lexer()
    for at in range(0, len(text), size):
        yield from lexer.feed(text[at : at + size])
    yield from lexer.finish()


def restore(server: Server, text: bytes, source: str, target: str) -> Changes:
    """Makes the target database from the dump: in one of another name, which then takes the target's."""
    changes = Changes()
    selector, guard = ENGINE.dialect.selector(source), ENGINE.dialect.guard(source)
    chosen = list(selector.select(pieces(text)))
    for piece in chosen:
        guard.check(piece)
    fresh = f"{target[:50]}__fresh"
    changes.warnings += server.create(fresh, next(iter(selector.databases), None))
    choices = Choices(final_name=target, events="keep")
    rewriter = ENGINE.dialect.rewriter(source, server.target(fresh), changes, choices)
    try:
        server.load(fresh, rewriter.rewrite(iter(chosen)), complete=True)
        server.take_over(Swap(fresh, target, None))
    finally:
        server.drop(fresh)
    return changes
