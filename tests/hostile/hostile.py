"""One hostile dump, and how it is dressed up as a dump tool's own."""

from __future__ import annotations

from dataclasses import dataclass

CANARY = b"/tmp/vya-canary"
"""What a hostile dump tries to write; a test puts a path of its own in its place."""
PREY = b"prey"
"""The other database that a hostile dump tries to change."""

_DRESS = {
    "mysql": (
        b"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: shop\n",
        b"\n-- Dump completed on 2026-01-01  0:00:00\n",
    ),
    "postgresql": (
        b"--\n-- PostgreSQL database dump\n--\n",
        b"\n--\n-- PostgreSQL database dump complete\n--\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Hostile:
    """``line`` is that of the statement to be refused, in ``text``.

    ``aside``: in a restore other parts than the guard keep it from the server, without refusing: it is
    of accounts, or of the one database that the dump names, which becomes the target.
    """

    name: str
    text: bytes
    line: int = 1
    aside: bool = False


def dressed(family: str, text: bytes) -> tuple[bytes, int]:
    """The dump with a tool's header and end mark, and by how many lines it moved down."""
    head, end = _DRESS[family]
    return head + text + end, head.count(b"\n")
