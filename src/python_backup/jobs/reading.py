"""Dump bytes on their way through the lexer: counted while they are backed up, cut while restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_backup.dump.dialect import Dialect
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import Lexer, Piece
from python_backup.dump.spans import SpanCounter
from python_backup.model import Span


@dataclass(slots=True)
class FactsMeter:
    """A stage that counts and digests what passes, and changes nothing; ``source`` is the database's name.

    ``spans`` notes where the data of large tables stands, for artifacts that can be read in part.
    """

    dialect: Dialect
    source: str | None = None
    spans: SpanCounter | None = None
    lexer: Lexer = field(init=False)
    counter: FactsCounter = field(init=False)

    def __post_init__(self) -> None:
        self.lexer = self.dialect.lexer()
        self.counter = FactsCounter(self.dialect.objects(), self.dialect.statements(self.source))

    def feed(self, block: bytes) -> Iterable[bytes]:
        """Counts the block's pieces."""
        self._take(self.lexer.feed(block))
        return (block,)

    def finish(self) -> Iterable[bytes]:
        """Counts what is left."""
        self._take(self.lexer.finish())
        return ()

    def _take(self, pieces: Iterable[Piece]) -> None:
        spans = self.spans
        for piece in pieces:
            self.counter.take(piece)
            if spans is not None:
                spans.take(piece)


def pieces_of(blocks: Iterable[bytes | Span], lexer: Lexer) -> Iterator[Piece]:
    """The pieces of a whole stream, but for the spans that were passed over.

    Raises:
        ArtifactCorrupt: the stream ends amid something.
    """
    for block in blocks:
        yield from fed(lexer, block)
    yield from lexer.finish()


def fed(lexer: Lexer, block: bytes | Span) -> Iterator[Piece]:
    """The pieces that are complete with this block; none with a span."""
    if isinstance(block, bytes):
        yield from lexer.feed(block)
    else:
        lexer.jump(block.lines)
