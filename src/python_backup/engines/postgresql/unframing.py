r"""The rows in what a server sends during ``COPY … TO stdout`` in the text format, without their frames.

A message is a byte that tells its kind, its size in four bytes (big-endian, themselves included), and its
content (https://www.postgresql.org/docs/current/protocol-message-formats.html). One of the kind ``d`` is a
row with its line end. Short rows are parted all at once, at line ends; where that is not exact, it shows:
a line end in a size leaves less than a frame before it, and messages that are no rows have NULs. The last
ones, and whatever is not exact, are gone through by their sizes.
"""

from __future__ import annotations

import struct
from operator import itemgetter

import psycopg

LONGEST = 512 << 10
"""Bytes that can be taken at once: of whole messages no size's first or second byte is a line end."""

_HEAD = struct.Struct(">BI")
_ROW = ord("d")
_READY = ord("Z")
_KINDS = frozenset(b"dHNSAcCEZ")
_SHORT = 500
"""Bytes of a row, from which on it is faster to go by sizes."""

_FRAME = 5
_LAST = 6
"""Lines at a block's end that are not parted: one that is cut may have four line ends in its size."""

_unframed = itemgetter(slice(_FRAME, None))


class Unframing:
    """Takes what the server sends, from a message's begin on; ``others`` are all messages but rows.

    ``ended``: the server waits for the next query.
    """

    def __init__(self) -> None:
        self.ended = False
        self._others: list[bytes] = []
        self._left = 0  # bytes to come of the latest row
        self._begun = b""  # of a message whose size is not here yet, or that is no row
        self._short = True

    @property
    def others(self) -> bytes:
        """All messages but rows; of one that is cut what came."""
        return b"".join((*self._others, self._begun))

    def take(self, data: bytes) -> tuple[int, bytes]:
        """The rows in it, cut where it is cut; and how many of them end in it."""
        if len(data) > LONGEST:
            raise AssertionError("more than can be taken at once")
        if len(data) < self._left:
            self._left -= len(data)
            return 0, data
        texts, rows, at = [data[: self._left]], int(self._left > 0), self._left
        block = self._begun + data[at:]
        parted, text, at = _parted(block) if self._short else (0, b"", 0)
        texts.append(text)
        rows += parted + self._one_by_one(block, at, texts)
        text = b"".join(texts)
        self._short = len(text) < rows * _SHORT
        return rows, text

    def _one_by_one(self, block: bytes, at: int, texts: list[bytes]) -> int:
        """Goes from message to message; gives how many rows end."""
        rows, end, self._left = 0, len(block), 0
        unpack, take = _HEAD.unpack_from, texts.append
        while at + _FRAME <= end:
            kind, size = unpack(block, at)
            after = at + 1 + size
            if kind == _ROW:
                take(block[at + _FRAME : after])
                if after > end:
                    self._left, at = after - end, end
                    break
                rows += 1
            elif kind not in _KINDS:
                raise psycopg.OperationalError(f"the server sent a message of an unknown kind ({kind})")
            elif after > end:
                break
            else:
                self._others.append(block[at:after])
                self.ended = self.ended or kind == _READY
            at = after
        self._begun = block[at:]
        return rows


def _parted(block: bytes) -> tuple[int, bytes, int]:
    """How many rows are at the block's begin, their text, and where the next message begins."""
    lines = block.split(b"\n")
    if len(lines) <= _LAST:
        return 0, b"", 0
    at = len(block) - len(b"\n".join(lines[-_LAST:]))
    lines[-_LAST:] = [b""]
    text, rows = b"\n".join(map(_unframed, lines)), len(lines) - 1
    exact = len(text) == at - _FRAME * rows and b"\0" not in text
    return (rows, text, at) if exact else (0, b"", 0)
