"""Finds where a statement names a database: ``old.t`` after FROM, ``old.f(``, ``old.t.c``.

Read by grammar, in one pass: a name of two parts is a table of a database only where a table or routine can
stand; elsewhere it is an alias's column, whatever the alias is called. Three parts begin with a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.created import after_definer
from python_backup.dump.mysql.tokens import Chain, Kind, Token, chain


@dataclass(frozen=True, slots=True)
class Qualifier:
    """One place that names a database.

    ``by`` is the word that made a table or routine stand there (``FROM``, ``INTO``, ``(`` for a call,
    empty for a column of three parts).
    """

    token: Token
    database: str
    by: str


@dataclass(slots=True)
class Places:
    """What one statement names: databases, and two-part names that may or may not begin with one.

    ``relations`` are the tables and aliases that it knows by one part.
    """

    qualifiers: list[Qualifier] = field(default_factory=list)
    columns: list[Token] = field(default_factory=list)
    relations: set[str] = field(default_factory=set)


_LISTS = frozenset(
    """
    FROM JOIN STRAIGHT_JOIN UPDATE DELETE TABLE TABLES VIEW USING TRUNCATE
    """.split()  # noqa: SIM905 - reads better than a word a line
)
"""Behind these a comma is followed by a further table."""

_SINGLE = frozenset(
    """
    INTO REFERENCES CALL TRIGGER PROCEDURE FUNCTION EVENT SEQUENCE PACKAGE BODY INSERT REPLACE
    DESCRIBE DESC EXPLAIN HANDLER
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_TRANSPARENT = frozenset(
    """
    IF NOT EXISTS IGNORE LOW_PRIORITY DELAYED HIGH_PRIORITY QUICK ONLY LATERAL TABLE TABLES FROM
    INTO
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_EXPRESSION = frozenset(
    """
    SELECT WHERE ON SET GROUP ORDER HAVING LIMIT VALUES VALUE RETURNING BEGIN THEN ELSE DO RETURN
    WHEN IF CASE WHILE UNTIL DECLARE WITH PARTITION AS UNION EXCEPT INTERSECT WINDOW FOR
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_FUNCTIONS = frozenset(("INSERT", "REPLACE", "TRUNCATE", "VALUES", "IF", "DELETE"))
_FROM_INSIDE = frozenset(("TRIM", "EXTRACT", "SUBSTRING", "SUBSTR", "MID"))
_SEQUENCE_CALLS = frozenset(("NEXTVAL", "LASTVAL", "SETVAL"))
_HEAD = 8
"""CREATE TABLE … LIKE stands within so many tokens."""

_NO_UPDATE_AFTER = frozenset(("ON", "KEY", "FOR", "BEFORE", "AFTER", "OR"))
_INTO_AFTER = frozenset(("INSERT", "REPLACE", "IGNORE", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"))


@dataclass(slots=True)
class _Level:
    """One bracket: the word before it, and whether tables are listed in it."""

    opener: str = ""
    lists: str = ""
    select: bool = False


class _Reader:
    def __init__(self, found: Sequence[Token]) -> None:
        self.found = found
        self.verb = found[0].word if found else ""
        self.heads = {t.word for t in found[:12]}
        self.defines_table = self.verb in ("CREATE", "ALTER") and "TABLE" in self.heads
        self.levels = [_Level()]
        self.expect = ""
        self.places = Places()

    def read(self) -> Places:
        at = 0
        while at < len(self.found):
            at = self._step(at)
        return self.places

    def _step(self, at: int) -> int:
        token = self.found[at]
        if token.kind is Kind.SYMBOL:
            self._symbol(token.word, self.found[at - 1].word if at else "")
            return at + 1
        if token.kind is Kind.WORD and self._ahead(at) != "." and self._keyword(token.word, at):
            return after_definer(self.found, at) if token.word == "DEFINER" else at + 1
        name = chain(self.found, at)
        if name is None:
            return at + 1
        self._name(name)
        return name.after

    def _ahead(self, at: int) -> str:
        return self._word(at + 1)

    def _word(self, at: int) -> str:
        return self.found[at].word if at < len(self.found) else ""

    def _symbol(self, symbol: str, before: str) -> None:
        level = self.levels[-1]
        if symbol == "(":
            inner = _Level(before)
            if self.expect and before not in _FUNCTIONS:
                inner.lists = self.expect
            elif before in _SEQUENCE_CALLS:
                self.expect = before
                self.levels.append(inner)
                return
            else:
                self.expect = ""
            self.levels.append(inner)
        elif symbol == ")":
            if len(self.levels) > 1:
                self.levels.pop()
            self.expect = ""
        elif symbol == ",":
            self.expect = level.lists
        elif symbol == ";":
            self.levels = [_Level()]
            self.expect = ""
        elif symbol == "=" and self.expect in ("UNION", "RENAME"):
            pass
        elif symbol != ".":
            self.expect = ""

    def _keyword(self, word: str, at: int) -> bool:
        """Takes a word that changes what may follow; False where it is a name."""
        level = self.levels[-1]
        before = self.found[at - 1].word if at else ""
        if self.expect == "RENAME" and word == "AS":
            return True
        if self.expect and word in _TRANSPARENT and self._ahead(at) != ",":
            if word in ("FROM", "INTO", "TABLE", "TABLES"):
                self._expect(word, level)
            return True
        if word == "DEFINER":
            return True
        if word == "SELECT":
            level.select = True
        if self._begins_table(word, before, at):
            self._expect(word, level)
            return True
        if word in _EXPRESSION:
            self.expect = ""
            if not (word == "AS" and level.lists):
                level.lists = ""
            return word != "AS" or not level.lists
        return False

    def _expect(self, word: str, level: _Level) -> None:
        self.expect = word
        renames = word == "TO" and self.verb == "RENAME"
        level.lists = word if word in _LISTS or renames else ""

    def _begins_table(self, word: str, before: str, at: int) -> bool:
        ahead = self._ahead(at)
        if word in _FUNCTIONS and ahead == "(":
            return False
        level = self.levels[-1]
        defines = self.verb in ("CREATE", "DROP")
        rules = {
            "UPDATE": before not in _NO_UPDATE_AFTER,
            "DELETE": before not in _NO_UPDATE_AFTER,
            "FROM": level.select or level.opener not in _FROM_INSIDE,
            "INTO": before in _INTO_AFTER,
            "ON": before in ("INSERT", "UPDATE", "DELETE")
            or (defines and "INDEX" in self.heads and len(self.levels) == 1),
            "TO": self.verb in ("RENAME", "ALTER"),
            "LIKE": self.verb == "CREATE" and "TABLE" in self.heads and at < _HEAD,
            "FOR": before == "VALUE",
            "RENAME": self.verb == "ALTER" and ahead not in ("TO", "COLUMN", "INDEX", "KEY"),
            "UNION": self.defines_table
            and (ahead == "=" or (ahead == "(" and self._word(at + 2) != "SELECT")),
        }
        return rules.get(word, word in _LISTS or (word in _SINGLE and before not in _NO_UPDATE_AFTER))

    def _name(self, name: Chain) -> None:
        first, parts = name.parts[0], len(name.parts)
        called = name.after < len(self.found) and self.found[name.after].text == b"("
        star = [t.text for t in self.found[name.after : name.after + 2]] == [b".", b"*"]
        if parts > 2 or (parts == 2 and star and not self.expect):  # noqa: PLR2004 - database, table, column
            self._qualifier(first, self.expect)
        elif parts == 2 and (self.expect or called):  # noqa: PLR2004
            if not called:
                self.places.relations.add(name.name)
            self._qualifier(first, self.expect or "(")
        elif parts == 2:  # noqa: PLR2004
            self.places.columns.append(first)
        else:
            level = self.levels[-1]
            if self.expect or (level.lists and not star):
                self.places.relations.add(name.name)
        self.expect = ""

    def _qualifier(self, token: Token, by: str) -> None:
        self.places.qualifiers.append(Qualifier(token, token.name or "", by))


def places(found: Sequence[Token]) -> Places:
    """Where these tokens of one statement name databases."""
    return _Reader(found).read()
