"""One database's pieces out of a dump of several, and which databases a dump holds.

Only statements prove a database: ``USE x`` enters it, ``CREATE DATABASE x`` names it. The comment
``-- Current Database: `x` `` is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from python_backup.dump.dialect import SourceDatabase
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import Token, chain, tokens
from python_backup.dump.piece import Piece, Statement

OPTIONS = frozenset(("CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "COMMENT", "ENCRYPTION", "READ"))
_WORDS = (b"use", b"database", b"schema", b"role", b"grant", b"revoke")


class MysqlSelector:
    """See `python_backup.dump.dialect.Selector`."""

    def __init__(self, source: str | None) -> None:
        self._source = source
        self._modes = SqlModes()
        self._found: dict[str, SourceDatabase] = {}
        self._current: str | None = None

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The databases seen so far, in the dump's order."""
        return tuple(self._found.values())

    def select(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The chosen pieces, unchanged, in order."""
        for piece in pieces:
            about = self._current
            if isinstance(piece, Statement):
                about = self._look_at(piece.sql)
            if self._source is None or about is None or about == self._source:
                yield piece

    def _look_at(self, sql: bytes) -> str | None:
        """The database that the statement belongs to."""
        self._modes.follow(sql)
        lower = sql[:4096].lower()
        if not any(word in lower for word in _WORDS):
            return self._current
        found = tokens(sql, self._modes)
        if _about_accounts(found):
            return ""
        named = database_of(found)
        if named is None:
            return self._current
        verb, name = named
        if verb == "USE":
            self._current = name
            self._found.setdefault(name, SourceDatabase(name))
        elif verb == "CREATE":
            self._found[name] = SourceDatabase(name, properties(found))
        return name


def _about_accounts(found: Sequence[Token]) -> bool:
    """Whether it belongs to no database, as what ``mariadb-dump --system=users`` writes."""
    words = [t.word for t in found[:2]]
    if words[:1] in (["GRANT"], ["REVOKE"]) or words in (["SET", "ROLE"], ["SET", "DEFAULT"]):
        return True
    what = definition(found)
    return what is not None and what.kind in ("USER", "ROLE")


def database_of(found: Sequence[Token]) -> tuple[str, str] | None:
    """Verb and database of a USE, or a CREATE, ALTER or DROP DATABASE; None for other statements."""
    if found and found[0].word == "USE":
        name = chain(found, 1)
        return ("USE", name.name) if name else None
    what = definition(found)
    if what is None or what.kind not in ("DATABASE", "SCHEMA") or what.name is None:
        return None
    if what.verb == "ALTER" and found[what.name.first].word in OPTIONS:
        return None  # the current database
    return what.verb, what.name.name


def properties(found: Sequence[Token]) -> dict[str, str]:
    """``charset`` and ``collation`` as a CREATE or ALTER DATABASE gives them."""
    values: dict[str, str] = {}
    words = [t.word for t in found]
    for at, word in enumerate(words):
        if word == "CHARSET" or (word == "SET" and words[at - 1] == "CHARACTER"):
            values["charset"] = _value(found, at + 1)
        elif word == "COLLATE":
            values["collation"] = _value(found, at + 1)
    return values


def _value(found: Sequence[Token], at: int) -> str:
    if at < len(found) and found[at].word == "=":
        at += 1
    return found[at].text.strip(b"'\"`").decode("ascii", "replace").lower() if at < len(found) else ""
