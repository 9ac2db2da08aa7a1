"""The pipeline: a source of blocks passes through stages; only a stream that ended well is finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol


class Stage(Protocol):
    """Takes bytes and gives bytes, or only measures; no I/O of its own, bounded memory.

    ``finish`` is called once, and only when the source ended without an exception.
    """

    def feed(self, block: bytes) -> Iterable[bytes]:
        """What this block yields; a meter yields the block itself."""
        ...

    def finish(self) -> Iterable[bytes]:
        """What is left when the stream has ended well."""
        ...


def through(source: Iterable[bytes], *stages: Stage) -> Iterator[bytes]:
    """The source's blocks after all stages, the first stage first."""
    blocks = iter(source)
    for stage in stages:
        blocks = _one(blocks, stage)
    return blocks


def _one(source: Iterator[bytes], stage: Stage) -> Iterator[bytes]:
    for block in source:
        yield from stage.feed(block)
    yield from stage.finish()
