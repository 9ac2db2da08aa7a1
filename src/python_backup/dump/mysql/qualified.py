"""Finds where a statement names a database: ``old.t`` after FROM, ``old.f(``, ``old.t.c``.

Read by grammar, in one pass: a name of two parts is a table of a database only where a table or routine can
stand; elsewhere it is an alias's column, whatever the alias is called. Three parts begin with a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.created import after_definer, names
from python_backup.dump.mysql.selector import OPTIONS
from python_backup.dump.mysql.tokens import Chain, Kind, Token, chain

PATTERN = "GRANT ON"
"""By which a database's name stands in ``GRANT … ON db.*``, where it is a pattern."""


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
_HEAD = 12
"""What a statement is about stands within so many tokens; so does LIKE in CREATE TABLE … LIKE."""

_VERBS = frozenset(("CREATE", "ALTER", "DROP", "RENAME", "SHOW", "GRANT", "REVOKE"))
"""Verbs that no name can be, and that change what the words behind them mean."""

_BEGINS = frozenset((";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"))
"""Behind these a statement of a body begins."""

_DATABASES = frozenset(("DATABASE", "SCHEMA"))
_LISTED = frozenset(("TABLES", "TRIGGERS", "EVENTS", "STATUS"))
"""What SHOW lists of a database; COLUMNS and INDEX are of a table, then of a database."""

_PROGRAMS = frozenset(("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"))
_BY = {"SHOW": "FROM", "TYPE": "FROM", "OF": "FROM"}
"""What only reads, in one word."""

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
        self._begin(0)
        self.in_body = False
        self.program = self.verb == "CREATE" and not self.heads.isdisjoint(_PROGRAMS)
        self.levels = [_Level()]
        self.expect = ""
        self.places = Places()

    def _begin(self, at: int) -> None:
        """A statement begins here: the whole one, or one of a body."""
        self.begins = at
        self.verb = self._word(at)
        words = [t.word for t in self.found[at : at + _HEAD]]
        self.heads = set(words[: words.index(";")] if ";" in words else words)
        self.defines_table = self.verb in ("CREATE", "ALTER") and "TABLE" in self.heads
        self.shown = 0

    def _follow_body(self, word: str, before: str, at: int) -> None:
        """Tells the statements of a program's body apart, as far as their verb matters."""
        if not self.program or len(self.levels) > 1:
            return
        if before in _BEGINS or (not self.in_body and at and word in _VERBS):
            self.in_body = True
            self._begin(at)
        if before == "DECLARE" or (before == "FOR" and self._ahead(at) == "IN"):
            self.places.relations.update(name.name for name in names(self.found, at))

    def read(self) -> Places:
        at = 0
        while at < len(self.found):
            at = self._step(at)
        return self.places

    def _step(self, at: int) -> int:
        token = self.found[at]
        self._follow_body(token.word, self._word(at - 1) if at else "", at)
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
        elif not (symbol in ".{" or (symbol == "=" and self.expect in ("UNION", "RENAME"))):
            self.expect = ""

    def _keyword(self, word: str, at: int) -> bool:
        """Takes a word that changes what may follow; False where it is a name."""
        level = self.levels[-1]
        before = self.found[at - 1].word if at else ""
        if special := self._special(word, before, at):
            self.expect = special
            return True
        if self._passes(word, before, at):
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

    def _passes(self, word: str, before: str, at: int) -> bool:
        """Whether what was to follow is to follow still behind this word."""
        if (self.expect, word) == ("RENAME", "AS") or (before, word) == ("{", "OJ") or word == "DEFINER":
            return True
        if self.expect and word in _TRANSPARENT and self._ahead(at) != ",":
            if word in ("FROM", "INTO", "TABLE", "TABLES"):
                self._expect(word, self.levels[-1])
            return True
        in_list = word == "PARTITION" and self.levels[-1].lists and self._ahead(at) == "("
        return bool(in_list) or (self.expect == "GRANT" and word in _PROGRAMS)

    def _special(self, word: str, before: str, at: int) -> str:
        """What is to follow where it is not simply a table or routine; empty where it is, or nothing is."""
        if word == "OF" and before == "TYPE":
            return "ROW TYPE" if self._word(at - 2) == "ROW" else "TYPE"
        if word in _DATABASES and (
            before in ("CREATE", "ALTER", "DROP") or (self.verb, before) == ("CREATE", "REPLACE")
        ):
            return "" if self._ahead(at) in OPTIONS else "DATABASE"
        if word == "ON" and self.verb in ("GRANT", "REVOKE"):
            return "GRANT"
        if (
            word in ("FROM", "IN")
            and self.verb == "SHOW"
            and len(self.levels) == 1
            and self._ahead(at) != "("
        ):
            self.shown += 1
            lists = self.shown > 1 or not self.heads.isdisjoint(_LISTED)
            return "SHOW" if lists else "FROM"
        return ""

    def _expect(self, word: str, level: _Level) -> None:
        self.expect = word
        lists = word in _LISTS or word == "OF" or (word == "TO" and self.verb == "RENAME")
        level.lists = word if lists else ""

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
            "LIKE": self.defines_table
            and self.verb == "CREATE"
            and at - self.begins < _HEAD
            and not level.select
            and (before == "(" or len(self.levels) == 1),
            "OF": before in ("UPDATE", "SHARE") and self._word(at - 2) == "FOR",
            "FOR": before == "VALUE",
            "RENAME": self.verb == "ALTER" and ahead not in ("TO", "COLUMN", "INDEX", "KEY"),
            "UNION": self.defines_table
            and (ahead == "=" or (ahead == "(" and self._word(at + 2) != "SELECT")),
        }
        return rules.get(word, word in _LISTS or (word in _SINGLE and before not in _NO_UPDATE_AFTER))

    def _name(self, name: Chain) -> None:
        first, parts, expected = name.parts[0], len(name.parts), self.expect
        behind = [t.word for t in self.found[name.after : name.after + 2]]
        called = behind[:1] == ["("]
        star = behind == [".", "*"]
        if expected in ("DATABASE", "SHOW", "GRANT") and parts == 1 and (star or expected != "GRANT"):
            self._qualifier(first, PATTERN if star else _BY.get(expected, expected))
        elif parts > 2 or (parts == 2 and star and not expected):  # noqa: PLR2004 - database, table, column
            self._qualifier(first, _BY.get(expected, expected))
        elif parts == 2 and (behind == ["%", "ROWTYPE"] or expected == "ROW TYPE"):  # noqa: PLR2004
            self._qualifier(first, "FROM")
        elif parts == 2 and (behind == ["%", "TYPE"] or expected == "TYPE"):  # noqa: PLR2004
            pass  # a table's column
        elif parts == 2 and (expected or called):  # noqa: PLR2004
            if not called:
                self.places.relations.add(name.name)
            self._qualifier(first, _BY.get(expected, expected) or "(")
        elif parts == 2:  # noqa: PLR2004
            self.places.columns.append(first)
        else:
            level = self.levels[-1]
            if expected or (level.lists and not star):
                self.places.relations.add(name.name)
        self.expect = ""

    def _qualifier(self, token: Token, by: str) -> None:
        self.places.qualifiers.append(Qualifier(token, token.name or "", by))


def places(found: Sequence[Token]) -> Places:
    """Where these tokens of one statement name databases."""
    return _Reader(found).read()
