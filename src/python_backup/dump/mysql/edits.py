"""Edits of one statement by place: what the rewriter's parts give, made all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """``text`` instead of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: bytes


def edited(sql: bytes, edits: Iterable[Edit]) -> bytes:
    """The statement with all edits made; they do not overlap."""
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        sql = sql[: edit.start] + edit.text + sql[edit.end :]
    return sql
