"""Small ways to put text through the lexer and what follows it."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.facts import FactsCounter
from python_backup.dump.piece import Comment, Piece
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.dump.postgresql.lexer import PostgreSQLLexer
from python_backup.dump.postgresql.rewriter import Target
from python_backup.model import Facts


def pieces_of(*blocks: bytes) -> list[Piece]:
    lexer = PostgreSQLLexer()
    found = [piece for block in blocks if block for piece in lexer.feed(block)]
    return found + list(lexer.finish())


def text_of(pieces: Iterable[Piece]) -> bytes:
    return b"".join(piece.text for piece in pieces)


def facts_of(*blocks: bytes) -> Facts:
    counter = FactsCounter(DIALECT.objects())
    for piece in pieces_of(*blocks):
        counter.take(piece)
    return counter.result()


def statements_of(*blocks: bytes) -> list[bytes]:
    return [piece.sql for piece in pieces_of(*blocks) if hasattr(piece, "sql")]


def rewritten(  # noqa: PLR0913 - what a test leaves out is as usual
    text: bytes,
    *,
    database: str = "copy",
    roles: Iterable[str] = (),
    knows_setting: Callable[[str], bool] = lambda _: True,
    changes: Changes | None = None,
    choices: Choices = AS_THE_DUMP,
    version: int = 150018,
) -> bytes:
    known = frozenset(roles)
    target = Target(database, version, knows_setting, known, known)
    rewriter = DIALECT.rewriter(None, target, changes if changes is not None else Changes(), choices)
    return text_of(rewriter.rewrite(pieces_of(text)))


def cut(text: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({p % (len(text) + 1) for p in places}), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def without_comments(pieces: Iterable[Piece]) -> list[Piece]:
    return [piece for piece in pieces if not isinstance(piece, Comment)]
