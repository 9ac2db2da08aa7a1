r"""The rows in what a server sends during ``COPY … TO stdout`` in the text format, without their frames.

A message is a byte that tells its kind, its size in four bytes (big-endian, themselves included), and its
content (https://www.postgresql.org/docs/current/protocol-message-formats.html). One of the kind ``d`` is a
row with its line end. Short rows are parted all at once, by the line end before the next frame: no row has
a NUL, and sizes begin with one. That is exact as far as messages are shorter than what is taken at once:
then no size itself looks like that. The last two frames, and whatever is no row, are gone through by size.
"""

from __future__ import annotations

import struct
from operator import itemgetter

import psycopg

LONGEST = 512 << 10
"""Bytes that can be taken at once: a size that looks like a line end and a frame (0x0a6400) is more."""

_HEAD = struct.Struct(">BI")
_ROW = ord("d")
_READY = ord("Z")
_KINDS = frozenset(b"dHNSAcCEZ")
_SHORT = 256
"""Bytes of a row, from which on it is faster to go by sizes."""

_FRAME = b"\nd\0"
_LAST = 2
_behind_size = itemgetter(slice(3, None))


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
        if self._short and block.startswith(_FRAME[1:]):
            parted, text, at = _parted(block)
            texts.append(text)
            rows += parted
        else:
            at = 0
        rows += self._one_by_one(block, at, texts)
        text = b"".join(texts)
        self._short = len(text) < rows * _SHORT
        return rows, text

    def _one_by_one(self, block: bytes, at: int, texts: list[bytes]) -> int:
        """Goes from message to message; gives how many rows end."""
        rows, end, self._left = 0, len(block), 0
        unpack, take = _HEAD.unpack_from, texts.append
        while at + 5 <= end:
            kind, size = unpack(block, at)
            after = at + 1 + size
            if kind == _ROW:
                take(block[at + 5 : after])
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
    pieces = block[2:].split(_FRAME)
    if len(pieces) <= _LAST:
        return 0, b"", 0
    last = len(_FRAME) - 1 + len(_FRAME.join(pieces[-_LAST:]))
    pieces[-_LAST:] = [b""]
    text = b"\n".join(map(_behind_size, pieces))
    return (0, b"", 0) if b"\0" in text else (len(pieces) - 1, text, len(block) - last)
