"""A dump through the lexer and the rewriter, into servers that are told in a line."""

from __future__ import annotations

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.mysql.bridging import MysqlBridge
from python_backup.dump.mysql.lexer import MysqlLexer
from python_backup.dump.mysql.rewriter import MysqlRewriter, Target
from python_backup.dump.piece import Piece

MYSQL = frozenset(
    ("utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_unicode_520_ci", "utf8mb4_bin", "latin1_swedish_ci")
)
MARIADB = frozenset(
    (
        "utf8mb4_uca1400_ai_ci",
        "utf8mb4_uca1400_nopad_ai_ci",
        "utf8mb4_unicode_520_ci",
        "utf8mb4_bin",
        "latin1_swedish_ci",
    )
)
OLD_MARIADB = frozenset(("utf8mb4_unicode_520_ci", "utf8mb4_bin", "latin1_swedish_ci"))


def target(database: str = "new", version: str = "9.7.4", known: frozenset[str] = MYSQL) -> Target:
    return Target(database, version, known, frozenset((("root", "localhost"),)), ("me", "%"))


def pieces(dump: bytes) -> list[Piece]:
    lexer = MysqlLexer()
    return [*lexer.feed(dump), *lexer.finish()]


def rewritten(
    dump: bytes, source: str | None = "old", to: Target | None = None, choices: Choices = AS_THE_DUMP
) -> tuple[bytes, Changes]:
    changes = Changes()
    found = MysqlRewriter(source, to or target(), changes, choices).rewrite(pieces(dump))
    return b"".join(p.text for p in found), changes


def unbridgeable(dump: bytes, version: str, choices: Choices = AS_THE_DUMP) -> tuple[str, ...]:
    bridge = MysqlBridge("old")
    for piece in pieces(dump):
        bridge.take(piece)
    return bridge.unbridgeable(target(version=version), choices)
