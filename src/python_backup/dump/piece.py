"""What a dump lexer cuts a byte stream into; the texts of all pieces, joined, are the stream.

A lexer takes blocks cut anywhere and gives pieces. Statements are whole; data comes in pieces as
it streams by, so that a table of any size passes in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement as the server is to get it, with its terminator and line ends in ``text``.

    ``text`` begins where the piece before ended, so leading blank lines and comments may be in it;
    ``line`` is the line of the statement's first own byte. ``sql`` is what the server gets:
    without what leads it, and without its delimiter.
    """

    text: bytes
    line: int
    sql: bytes


@dataclass(frozen=True, slots=True)
class Comment:
    """Blank lines and comments that are not code."""

    text: bytes
    line: int


@dataclass(frozen=True, slots=True)
class ClientCommand:
    r"""A line for the client program: psql's ``\connect``, mysql's ``DELIMITER``.

    ``command`` is the command's word without backslash, in lower case (``connect``, ``c``,
    ``restrict``, ``delimiter``, ``source``); ``argument`` is the rest, stripped.
    """

    text: bytes
    line: int
    command: str
    argument: bytes


@dataclass(frozen=True, slots=True)
class DataBegin:
    """The head of a table's data: ``COPY t (a) FROM stdin;`` or ``INSERT INTO t VALUES``.

    ``table`` is the table's `python_backup.model.label`. ``sql`` is the head without leading
    comments (and for COPY without its terminator). ``lone``: the table was made before, and nobody else
    fills it.
    """

    text: bytes
    line: int
    sql: bytes
    table: str
    copy: bool
    lone: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A stretch of data, cut anywhere; ``count`` rows end in it.

    ``canonical`` is the same data in the form that is digested: for COPY the text itself, for
    INSERT the rows without the white space that a tool puts between them, so that the digest does
    not depend on how the tool lays out its statements.
    """

    text: bytes
    line: int
    count: int
    canonical: bytes


@dataclass(frozen=True, slots=True)
class DataEnd:
    r"""The end of one data statement: ``\.`` and line end, or ``;`` and line end.

    ``rows`` is the number of rows since `DataBegin`; None where they could not be counted.
    """

    text: bytes
    line: int
    rows: int | None


Piece = Statement | Comment | ClientCommand | DataBegin | Rows | DataEnd


class Lexer(Protocol):
    """Cuts one dump into pieces. One lexer reads one stream; it holds bounded memory."""

    def feed(self, block: bytes) -> Iterator[Piece]:
        """The pieces that are complete with this block (bytes, cut anywhere, not empty)."""
        ...

    def finish(self) -> Iterator[Piece]:
        """What is left at the end of the stream.

        Raises:
            ArtifactCorrupt: the stream ends inside data, a string, a comment or a function body.
        """
        ...

    def jump(self, lines: int) -> None:
        """Counts so many lines as read: the stream goes on behind a `python_backup.model.Span`."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the dump tool's own end mark (``-- Dump completed`` …) was seen."""
        ...
