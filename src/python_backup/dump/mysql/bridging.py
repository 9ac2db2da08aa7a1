"""What MySQL's and MariaDB's grammars call differently, put in the target's words; and what has none.

Only statements that make something are looked at, and only where the target needs it. What one of them
has and the other lacks is told by `MysqlBridge` before the target is touched, never dropped in silence.
Source: MariaDB knowledge base, "Incompatibilities and Feature Differences Between MariaDB and MySQL".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.edits import Edit, edited
from python_backup.dump.mysql.features import Feature, Server, features
from python_backup.dump.mysql.generated import Generated
from python_backup.dump.mysql.history import History
from python_backup.dump.mysql.introducers import introduced
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.renaming import AMBIGUOUS, AMBIGUOUS_HINT, Name, ambiguous, asks
from python_backup.dump.mysql.tokens import Kind, Token, tokens
from python_backup.dump.piece import Piece, Statement

_MAKES = re.compile(rb"(?is)\s*+(?:/\*M?!\d*\s*+)?(?:CREATE|ALTER)\b")
_INVISIBLE_COMMENT = re.compile(rb"/\*!80023 INVISIBLE \*/")
_INVISIBLE_INDEX = re.compile(rb"/\*!80000 INVISIBLE \*/")
_MYSQL_WORDS = re.compile(rb"(?i)\b_[a-z0-9]+\s*['\"]|\bgeomcollection\b")
_PART = re.compile(rb"/\*M?!\d{5,6}[^*]*\*/")
_PLAIN_CALLS = frozenset(("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP", "NEXTVAL"))
_BIG = frozenset(
    "TEXT TINYTEXT MEDIUMTEXT LONGTEXT BLOB TINYBLOB MEDIUMBLOB LONGBLOB JSON GEOMETRY POINT".split()  # noqa: SIM905
)
_MODE = re.compile(rb"(?i)\bSET\b[^;]*sql_mode")
_ORACLE = re.compile(rb"(?i)\bORACLE\b")
_ROUTINES = frozenset(("FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"))


def bridged(sql: bytes, line: int, version: str, changes: Changes) -> bytes:
    """A statement that makes something, in the words of the target's server."""
    if not _MAKES.match(sql):
        return sql
    target = Server.of(version)
    if target.mariadb:
        sql = _for_mariadb(sql, line, target, changes)
    else:
        edits = list(_for_mysql(sql, line, target, changes))
        sql = edited(sql, edits) if edits else sql
    for part in _PART.findall(sql) if b"!" in sql else ():
        if tokens(part, SqlModes()) and not tokens(part, SqlModes(), target.reading):
            changes.add("part that the server does not read", line, part)
    return sql


def _for_mariadb(sql: bytes, line: int, target: Server, changes: Changes) -> bytes:
    for pattern, word, least in (
        (_INVISIBLE_COMMENT, b"INVISIBLE", (10, 3)),
        (_INVISIBLE_INDEX, b"IGNORED", (10, 6)),
    ):
        if target.has(None, least) and pattern.search(sql):
            changes.add(f"{word.decode()} in MariaDB's words", line, sql, pattern.sub(word, sql))
            sql = pattern.sub(word, sql)
    if not _MYSQL_WORDS.search(sql):
        return sql
    found = tokens(sql, SqlModes(), target.reading)
    what = definition(found)
    if what is None or what.kind != "TABLE":
        return sql
    return edited(sql, list(_of_mysql_table(sql, found, line, changes)))


def _of_mysql_table(sql: bytes, found: Sequence[Token], line: int, changes: Changes) -> Iterator[Edit]:
    """What MySQL writes into a table's definition otherwise than MariaDB reads it."""
    for one in introduced(found):
        if not one.needed:
            shown = sql[one.introducer.start : one.literal.end]
            changes.add("introducer left out", line, shown, one.literal.text)
            yield Edit(one.introducer.start, one.literal.start, b"")
    for name, kind in pairwise(found):
        if name.kind is Kind.NAME and kind.word == "GEOMCOLLECTION":
            changes.add("type in MariaDB's words", line, kind.text, b"geometrycollection")
            yield Edit(kind.start, kind.end, b"geometrycollection")


def _for_mysql(sql: bytes, line: int, target: Server, changes: Changes) -> Iterator[Edit]:
    """Brackets around defaults that MySQL takes only so (8.0.13), and its word for ignored indexes."""
    if b"DEFAULT" not in sql.upper() and b"IGNORED" not in sql.upper():
        return
    found = tokens(sql, SqlModes(), target.reading)
    what = definition(found)
    if what is None or what.kind != "TABLE" or not target.has((8, 0, 13), None):
        return
    for at, token in enumerate(found[:-1]):
        if token.word == "IGNORED":
            changes.add("INVISIBLE in MySQL's words", line, token.text, b"INVISIBLE")
            yield Edit(token.start, token.end, b"INVISIBLE")
        if token.word != "DEFAULT":
            continue
        end = _default_ends(found, at + 1)
        if end > at + 1:
            start, stop = found[at + 1].start, found[end - 1].end
            after = b"(" + sql[start:stop] + b")"
            changes.add("default in brackets", line, sql[start:stop], after)
            yield Edit(start, stop, after)


def _default_ends(found: Sequence[Token], at: int) -> int:
    """Behind a default that needs brackets; ``at`` itself where it needs none."""
    first, after = found[at], found[at + 1].word if at + 1 < len(found) else ""
    if first.kind is Kind.WORD and after == "(" and first.word not in _PLAIN_CALLS:
        depth, end = 0, at + 1
        while end < len(found):
            depth += (found[end].word == "(") - (found[end].word == ")")
            end += 1
            if depth == 0:
                return end
    if first.kind is Kind.STRING and _type_of(found, at) in _BIG:
        return at + 1
    return at


def _type_of(found: Sequence[Token], at: int) -> str:
    """The type of the column in whose definition this token stands: the second of its words."""
    depth = 0
    for place in range(at - 1, 0, -1):
        word = found[place].word
        depth += (word == ")") - (word == "(")
        if depth < 0 or (depth == 0 and word == ","):
            return found[place + 2].word
    return ""


class Target(Protocol):
    """What of the target counts here; see `rewriter.Target`."""

    @property
    def database(self) -> str:
        """The name that it is loaded under."""
        ...

    @property
    def version(self) -> str:
        """The server's own word for its version."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """What one place of a dump has: a feature, or (None) a name that may mean two things."""

    line: int
    feature: Feature | None


class MysqlBridge:
    """See `python_backup.dump.dialect.Bridge`."""

    def __init__(self, source: str | None) -> None:
        self._source = source
        self._modes = SqlModes()
        self._oracle = False
        self._history = History()
        self._generated = Generated()
        self._places: list[_Place] = []

    def take(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        for line, feature in (*self._history.take(piece), *self._generated.take(piece)):
            self._places.append(_Place(line, feature))
        if not isinstance(piece, Statement):
            return
        if _MODE.search(piece.sql):
            self._oracle = _ORACLE.search(piece.sql) is not None
        self._modes.follow(piece.sql)
        if _MAKES.match(piece.sql):
            found = tokens(piece.sql, self._modes)
            self._generated.made(found)
            self._places += (_Place(piece.line, feature) for feature in self._features(found))
            self._places += self._ambiguous(piece, found)

    def unbridgeable(self, target: Target, choices: Choices) -> tuple[str, ...]:
        """Why some places cannot be restored there, each with its line."""
        server, asked = Server.of(target.version), self._asked(target, choices)
        reasons = (
            (place.line, place.feature.lacking(server) if place.feature is not None else asked)
            for place in self._places
        )
        return tuple(dict.fromkeys(f"line {line}: {why}" for line, why in reasons if why is not None))

    def _asked(self, target: Target, choices: Choices) -> str | None:
        source = self._source
        if source is None or not asks(source, target.database, choices):
            return None
        return f"{AMBIGUOUS.format(source)}. {AMBIGUOUS_HINT}"

    def _features(self, found: Sequence[Token]) -> Iterator[Feature]:
        yield from features(found)
        what = definition(found)
        if self._oracle and what is not None and what.kind in _ROUTINES:
            yield Feature("a program in Oracle's language", None, (10, 3))

    def _ambiguous(self, piece: Statement, found: Sequence[Token]) -> Iterator[_Place]:
        token = next(ambiguous(found, Name(self._source)), None) if self._source is not None else None
        if token is not None:
            yield _Place(piece.line + piece.sql.count(b"\n", 0, token.start), None)
