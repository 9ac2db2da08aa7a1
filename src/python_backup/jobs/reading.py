"""Dump bytes on their way through the lexer: counted while they are backed up, cut while restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.dialect import Dialect
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import Lexer, Piece


@dataclass(slots=True)
class FactsMeter:
    """A stage that counts and digests what passes, and changes nothing."""

    dialect: Dialect
    lexer: Lexer = field(init=False)
    counter: FactsCounter = field(init=False)

    def __post_init__(self) -> None:
        self.lexer = self.dialect.lexer()
        self.counter = FactsCounter(self.dialect.objects())

    def feed(self, block: bytes) -> Iterable[bytes]:
        """Counts the block's pieces."""
        for piece in self.lexer.feed(block):
            self.counter.take(piece)
        return (block,)

    def finish(self) -> Iterable[bytes]:
        """Counts what is left."""
        for piece in self.lexer.finish():
            self.counter.take(piece)
        return ()


def pieces_of(blocks: Iterable[bytes], lexer: Lexer) -> Iterator[Piece]:
    """The pieces of a whole stream.

    Raises:
        ArtifactCorrupt: the stream ends amid something.
    """
    for block in blocks:
        yield from lexer.feed(block)
    yield from lexer.finish()
