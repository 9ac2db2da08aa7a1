"""What MySQL's and MariaDB's grammars call differently, put in the target's words; and what has none.

Only statements that make something are looked at, and only where the target needs it. What one of them
has and the other lacks is told by `MysqlBridge` before the target is touched, never dropped in silence.
Source: MariaDB knowledge base, "Incompatibilities and Feature Differences Between MariaDB and MySQL".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.edits import Edit, edited
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.renaming import AMBIGUOUS, AMBIGUOUS_HINT, ambiguous, asks
from python_backup.dump.mysql.tokens import Kind, Reading, Token, tokens
from python_backup.dump.piece import Piece, Statement

_MAKES = re.compile(rb"(?is)\s*+(?:/\*M?!\d*\s*+)?(?:CREATE|ALTER)\b")
_INVISIBLE_COMMENT = re.compile(rb"/\*!80023 INVISIBLE \*/")
_INVISIBLE_INDEX = re.compile(rb"/\*!80000 INVISIBLE \*/")
_PART = re.compile(rb"/\*M?!\d{5,6}[^*]*\*/")
_PLAIN_CALLS = frozenset(("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP", "NEXTVAL"))
_BIG = frozenset(
    "TEXT TINYTEXT MEDIUMTEXT LONGTEXT BLOB TINYBLOB MEDIUMBLOB LONGBLOB JSON GEOMETRY POINT".split()  # noqa: SIM905
)
_MODE = re.compile(rb"(?i)\bSET\b[^;]*sql_mode")
_ORACLE = re.compile(rb"(?i)\bORACLE\b")
_ROUTINES = frozenset(("FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"))


@dataclass(frozen=True, slots=True)
class Server:
    """A server's family and version, read from its own word for it."""

    mariadb: bool
    version: tuple[int, ...]

    @classmethod
    def of(cls, version: str) -> Server:
        """From ``11.8.6-MariaDB``, ``5.5.5-10.11.2-MariaDB`` or ``9.7.4``."""
        numbers = re.findall(r"\d+(?:\.\d+)+", version.removeprefix("5.5.5-"))
        parts = tuple(int(n) for n in (numbers[0] if numbers else "0").split("."))
        return cls("mariadb" in version.lower(), parts)

    def has(self, mysql: tuple[int, ...] | None, mariadb: tuple[int, ...] | None) -> bool:
        """Whether it is as new as this; None: no version of that family has it."""
        least = mariadb if self.mariadb else mysql
        return least is not None and self.version >= least

    @property
    def reading(self) -> Reading:
        """How it reads code in comments."""
        major, minor, patch = (*self.version, 0, 0, 0)[:3]
        return Reading(self.mariadb, major * 10000 + minor * 100 + patch)

    def __str__(self) -> str:
        return f"{'MariaDB' if self.mariadb else 'MySQL'} {'.'.join(map(str, self.version))}"


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
    return sql


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


@dataclass(frozen=True, slots=True)
class Feature:
    """What a statement uses, and the first versions that have it."""

    name: str
    mysql: tuple[int, ...] | None
    mariadb: tuple[int, ...] | None


def features(found: Sequence[Token]) -> Iterator[Feature]:
    """What only some servers have of what this statement makes."""
    what = definition(found)
    if what is None:
        return
    words = [t.word for t in found]
    name = what.name.name if what.name else ""
    if what.kind == "SEQUENCE":
        yield Feature(f"the sequence {name}", None, (10, 3))
    elif what.kind == "PACKAGE":
        yield Feature(f"the package {name}", None, (10, 3, 5))
    elif what.kind in ("FUNCTION", "PROCEDURE") and _follows(words, "LANGUAGE", "JAVASCRIPT"):
        yield Feature(f"the JavaScript routine {name}", (9, 0), None)
    elif what.kind == "TABLE":
        yield from (Feature(f"{f.name} in table {name}", f.mysql, f.mariadb) for f in _of_table(found, words))
    elif what.kind == "INDEX" and _functional(words):
        yield Feature(f"the index of an expression {name}", (8, 0, 13), None)


def _of_table(found: Sequence[Token], words: Sequence[str]) -> Iterator[Feature]:
    for pattern, feature in _TABLE_FEATURES:
        if _follows(words, *pattern):
            yield feature
    if _functional(words):
        yield Feature("an index of an expression", (8, 0, 13), None)
    for word in (found[i + 1].word for i, t in enumerate(found[:-1]) if t.kind is Kind.NAME):
        if word in _TYPES:
            yield _TYPES[word]
    engine = next(
        (found[i + 2] for i, w in enumerate(words[:-2]) if w == "ENGINE" and words[i + 1] == "="), None
    )
    if engine is not None and engine.word in _MARIADB_ENGINES:
        yield Feature(f"the engine {engine.word}", None, (5,))


_TABLE_FEATURES: tuple[tuple[tuple[str, ...], Feature], ...] = (
    (("SYSTEM", "VERSIONING"), Feature("system versioning", None, (10, 3))),
    (("BY", "SYSTEM_TIME"), Feature("partitions by SYSTEM_TIME", None, (10, 3))),
    (("PERIOD", "FOR"), Feature("a period", None, (10, 3))),
    (("WITHOUT", "OVERLAPS"), Feature("a key WITHOUT OVERLAPS", None, (10, 5))),
    (("NOT", "ENFORCED"), Feature("a CHECK that is not enforced", (8, 0, 16), None)),
)
_TYPES = {
    "UUID": Feature("the type UUID", None, (10, 7)),
    "INET6": Feature("the type INET6", None, (10, 5)),
    "INET4": Feature("the type INET4", None, (10, 10)),
    "VECTOR": Feature("the type VECTOR", (9, 0), (11, 7)),
    "XMLTYPE": Feature("the type XMLTYPE", None, (12, 3)),
}
_MARIADB_ENGINES = frozenset(("ARIA", "COLUMNSTORE", "MROONGA", "OQGRAPH", "SEQUENCE", "TOKUDB", "SPHINX"))


def _follows(words: Sequence[str], *pattern: str) -> bool:
    width = len(pattern)
    return any(tuple(words[i : i + width]) == pattern for i in range(len(words) - width + 1))


def _functional(words: Sequence[str]) -> bool:
    """``KEY name ((lower(a)))``."""
    for at, word in enumerate(words):
        if word in ("KEY", "INDEX") and "((" in (
            "".join(words[at + 1 : at + 3]),
            "".join(words[at + 2 : at + 4]),
        ):
            return True
    at = next((i for i, w in enumerate(words) if w == "ON"), len(words))
    return words[1:2] != ["TABLE"] and words[at + 2 : at + 4] == ["(", "("]


@dataclass(slots=True)
class MysqlBridge:
    """See `python_backup.dump.dialect.Bridge`."""

    source: str | None
    database: str
    version: str
    choices: Choices
    _modes: SqlModes = field(default_factory=SqlModes)
    _oracle: bool = False

    def unbridgeable(self, piece: Piece) -> str | None:
        """Why this piece cannot be restored there; None where it can."""
        if not isinstance(piece, Statement):
            return None
        if _MODE.search(piece.sql):
            self._oracle = _ORACLE.search(piece.sql) is not None
        self._modes.follow(piece.sql)
        if not _MAKES.match(piece.sql):
            return None
        found = tokens(piece.sql, self._modes)
        target = Server.of(self.version)
        for feature in features(found):
            if not target.has(feature.mysql, feature.mariadb):
                return f"line {piece.line}: {feature.name}: {target} has nothing of that kind"
        what = definition(found)
        if self._oracle and not target.mariadb and what is not None and what.kind in _ROUTINES:
            return f"line {piece.line}: a program in Oracle's language, which {target} does not speak"
        return self._ambiguous(piece, found)

    def _ambiguous(self, piece: Statement, found: Sequence[Token]) -> str | None:
        if self.source is None or not asks(self.source, self.database, self.choices):
            return None
        token = next(ambiguous(found, self.source), None)
        if token is None:
            return None
        at = piece.line + piece.sql.count(b"\n", 0, token.start)
        return f"line {at}: {AMBIGUOUS.format(self.source)}. {AMBIGUOUS_HINT}"
