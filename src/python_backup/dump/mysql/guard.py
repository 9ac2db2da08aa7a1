"""Refuses statements that could run a program, change the server, or leave the target database.

A statement is judged as each server would read it (`tokens.readings`), so that no comment and no
version can hide a word. What no dump holds is refused: a statement begins with a known verb. Bodies of
routines, triggers and events are not run by a restore, but may be run through it (a trigger by a
later INSERT, a function by a later SELECT): where a body reaches outside, what could run it is refused
later, and an event, which runs by itself, at once. A view of another database is let through, and
what would read or write through it is not.

Rows may hold literals and calls of harmless functions (`literals`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from python_backup.dump.mysql.bodies import body_outside, makes_up
from python_backup.dump.mysql.charsets import Charsets
from python_backup.dump.mysql.created import Definition, definition
from python_backup.dump.mysql.literals import Literals
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.outside import setting_outside, table_outside, unknown_call, words_outside
from python_backup.dump.mysql.own import about_the_server
from python_backup.dump.mysql.prepared import KnownTexts
from python_backup.dump.mysql.programs import Programs
from python_backup.dump.mysql.qualified import Qualifier, places
from python_backup.dump.mysql.selector import database_of
from python_backup.dump.mysql.tokens import Kind, Token, chain, readings, tokens, user_variables
from python_backup.dump.piece import ClientCommand, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.errors import UnsafeDump

_CLIENT = frozenset(("delimiter", "sandbox"))
_VERBS = frozenset(
    """
    CREATE ALTER DROP INSERT REPLACE UPDATE DELETE TRUNCATE SET LOCK UNLOCK START BEGIN COMMIT
    ROLLBACK SAVEPOINT RELEASE USE SELECT DO RENAME ANALYZE OPTIMIZE CHECK PREPARE EXECUTE
    DEALLOCATE WITH SHOW
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_DEFINED = frozenset(
    """
    TABLE VIEW PROCEDURE FUNCTION PACKAGE TRIGGER EVENT SEQUENCE INDEX DATABASE SCHEMA PREPARE
    TABLES
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_BODIES = frozenset(("PROCEDURE", "FUNCTION", "PACKAGE", "TRIGGER", "EVENT"))
_RUNS = frozenset(["INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "DO", "WITH", "TRUNCATE", "SET"])
_READABLE = frozenset(("information_schema", "performance_schema"))
_SECOND = {
    "START": ("TRANSACTION",),
    "BEGIN": ("", "WORK"),
    "SHOW": ("WARNINGS", "ERRORS"),
    "ANALYZE": ("TABLE", "TABLES"),
    "OPTIMIZE": ("TABLE", "TABLES"),
    "CHECK": ("TABLE", "TABLES"),
    "RENAME": ("TABLE", "TABLES"),
    "LOCK": ("TABLE", "TABLES"),
    "UNLOCK": ("TABLE", "TABLES"),
}
_SCOPES = {
    "GLOBAL": "changes the server",
    "PERSIST": "changes the server",
    "PERSIST_ONLY": "changes the server",
    "PASSWORD": "changes an account",
    "ROLE": "changes the account's rights",
    "RESOURCE": "changes the server",
    "DEFAULT": "changes the account's rights",
    "STATEMENT": "runs a statement within SET",
}
_SERVERS = frozenset(("GLOBAL", "PERSIST", "PERSIST_ONLY"))
_BEFORE_STATEMENT = frozenset(("", ";", ":", "BEGIN", "DO", "THEN", "ELSE", "LOOP", "REPEAT", "ROW"))
_PLAIN_SET = re.compile(rb"(?is)(?:/\*!(?:[0-4]\d{4}|50[0-6]\d\d) )?SET\b(?:(?!--)[^/#`\\])*(?:\*/)?\s*\Z")
_READING = re.compile(rb"(?i)sql_mode|names|char")
_HINT = "Look at the statement in the dump; take it out if you trust the rest."
_EVENTS = ("an event ", "the event ")
_EVENT_HINT = "Restore with --events disable, and look at the event before you enable it."


class MysqlGuard:
    """See `python_backup.dump.dialect.Guard`.

    ``events``: whether events will run; those that are restored disabled are judged like routines.
    """

    def __init__(self, source: str | None, *, events: bool = True) -> None:
        self._source = source
        self._events = events
        self._modes = SqlModes()
        self._charsets = Charsets()
        self._texts = KnownTexts()
        self._programs = Programs()
        self._changed: set[bytes] = set()  # user variables that bodies name; b"" is any
        self._head: DataBegin | None = None
        self._judged = b""
        self._rows: Literals | None = None
        self._last = b""

    def check(self, piece: Piece) -> None:
        """Looks at one piece, in order."""
        match piece:
            case Rows():
                self._take_rows(piece)
            case DataEnd():
                self._end_rows()
            case ClientCommand() if piece.command not in _CLIENT:
                raise _unsafe(piece.line, f"a command for the client program: {piece.command}")
            case Statement():
                self._check(piece.sql, piece.line)
                if not self._modes.follow(piece.sql):
                    raise _unsafe(piece.line, "sets sql_mode to what the dump does not tell")
            case DataBegin():
                if piece.sql != self._judged:
                    self._check(piece.sql, piece.line)
                    self._judged = piece.sql
                self._head = piece
                self._rows = Literals(self._modes)
                self._last = b""
            case _:
                pass

    def _take_rows(self, piece: Rows) -> None:
        if self._rows is not None:
            if self._charsets.doubtful and self._charsets.ambiguous(self._last + piece.text):
                raise _unsafe(piece.line, "a backslash that the character set may take for a letter")
            self._last = piece.text[-1:]
            self._rows.take(piece.text)

    def _end_rows(self) -> None:
        """Judges what stands in the rows beside literals."""
        head, rows = self._head, self._rows
        self._rows = None
        if head is None or rows is None:
            return
        if rows.too_large:
            raise _unsafe(head.line, "an INSERT that is too large to tell its data from calls")
        rest = rows.rest()
        if rest is not None:
            whole = head.sql + b" " + rest
            self._check(whole, head.line)
            self._modes.follow(whole)  # a variable may be changed in a row
            self._judged = b""

    def _check(self, sql: bytes, line: int) -> None:
        if about_the_server(sql):
            return
        if self._charsets.ambiguous(sql):
            raise _unsafe(line, "a backslash that the character set may take for a letter")
        for reading in readings(sql):
            found = tokens(sql, self._modes, reading)
            if not found:
                continue
            why = self._charsets.parted(sql, found) or _hidden_mode(sql, found)
            why = why or self._saves(sql, found) or self._why(found)
            if why:
                raise _unsafe(line, why, _EVENT_HINT if why.startswith(_EVENTS) else _HINT)
            self._charsets.follow(sql, found)

    def _saves(self, sql: bytes, found: Sequence[Token]) -> str | None:
        """Refuses to follow a mode or character set in a variable that a program may have changed."""
        if not self._changed or found[0].word != "SET" or not _READING.search(sql):
            return None
        names = {t.variable for t in found if t.own_variable}
        if names and (b"" in names | self._changed or names & self._changed):
            return "saves how text is read in a variable that a program of the dump may change"
        return None

    def _why(self, found: Sequence[Token]) -> str | None:
        """What is wrong with the statement; None where nothing is."""
        verb = found[0].word
        second = found[1].word if len(found) > 1 else ""
        if verb not in _VERBS or second not in _SECOND.get(verb, (second,)):
            return f"a statement that no dump needs: {found[0].text[:40].decode('utf-8', 'replace')}"
        self._judged = b""
        what = definition(found)
        if verb in ("CREATE", "ALTER", "DROP") and (what is None or what.kind not in _DEFINED):
            return f"{verb} {what.kind if what else second} reaches outside the database"
        body = what is not None and what.kind in _BODIES and what.verb == "CREATE"
        if what is not None and what.kind == "EVENT" and verb != "DROP":
            return self._event(found, what)
        if what is not None and body:
            return self._program(found, what)
        return (
            self._forbidden(found)
            or self._other_database(found)
            or self._qualified(found, what)
            or self._texts.why(found)
            or self._runs(found, what)
        )

    def _runs(self, found: Sequence[Token], what: Definition | None) -> str | None:
        """What a statement would run."""
        verb = found[0].word
        if what is not None and what.kind == "TABLE" and (why := table_outside(found)):
            return why
        if what is not None and what.kind == "VIEW":
            self._programs.view(found, what)
        if verb in _RUNS and (call := unknown_call(found, self._programs.functions)):
            return f"calls {call}, which may do anything"
        return self._programs.runs(found, what)

    def _program(self, found: Sequence[Token], what: Definition) -> str | None:
        if "SONAME" in [t.word for t in found]:
            return "loads a program library"
        name = what.name
        if name is not None and len(name.parts) > 1 and name.parts[0].name != self._source:
            return f"makes a {what.kind.lower()} in database {name.parts[0].name}"
        self._texts.forget(found)
        self._changed |= {t.variable for t in user_variables(found)}
        reaches = bool(
            self._forbidden(found, waiting=False)
            or body_outside(found)
            or self._writes(found)
            or makes_up(found)
        )
        self._programs.add(found, what, reaches=reaches)
        return self._programs.fires()

    def _event(self, found: Sequence[Token], what: Definition) -> str | None:
        """An event runs by itself, with the right of its definer, as soon as it is there."""
        self._texts.forget(found)
        name = what.name
        if name is not None and len(name.parts) > 1 and name.parts[0].name != self._source:
            return f"{what.verb} of an event in database {name.parts[0].name}"
        if not self._events:
            return None
        does = (
            self._forbidden(found)
            or body_outside(found)
            or self._qualified(found, what)
            or (makes_up(found) and "runs a statement that it makes up")
        )
        if does:
            return (
                f"an event that {does}"
                if does.startswith("runs")
                else f"an event would run by itself: {does}"
            )
        self._programs.event(found, what)
        return self._programs.fires()

    def _forbidden(self, found: Sequence[Token], *, waiting: bool = True) -> str | None:
        return (
            words_outside(found, waiting=waiting)
            or self._setting(found)
            or self._global_variable(found)
            or setting_outside(found)
        )

    def _setting(self, found: Sequence[Token]) -> str | None:
        for at, token in enumerate(found[:-1]):
            before = found[at - 1].word or "quoted" if at else ""
            begins = token.word == "SET" and before in _BEFORE_STATEMENT
            scope = found[at + 1].word
            if begins and scope in _SCOPES:
                return f"{_SCOPES[scope]}: SET {scope}"
            if token.word in ("SET", ",") and scope in _SERVERS and _assigned(found, at + 2):
                return f"{_SCOPES[scope]}: SET {scope}"
        return None

    def _global_variable(self, found: Sequence[Token]) -> str | None:
        for at, token in enumerate(found):
            if token.kind is not Kind.VARIABLE or not token.text.startswith(b"@@"):
                continue
            scope = token.text[2:].upper().decode("latin-1").partition(".")[0].strip()
            follows = found[at + 1].word if at + 1 < len(found) else ""
            if follows in ("=", ":=", ".") and scope in _SERVERS:
                return f"changes the server: @@{scope}"
        return None

    def _other_database(self, found: Sequence[Token]) -> str | None:
        named = database_of(found)
        if named is None:
            return None
        verb, name = named
        if name == self._source:
            return None
        return f"{verb} {'' if verb == 'USE' else 'DATABASE '}{name}: another database"

    def _foreign(self, found: Sequence[Token]) -> list[Qualifier]:
        return [q for q in places(found).qualifiers if q.database != self._source]

    def _qualified(self, found: Sequence[Token], what: Definition | None) -> str | None:
        verb = found[0].word
        names = {t.text for t in what.name.parts[:-1]} if what and what.name else set()
        for qualifier in self._foreign(found):
            reads = qualifier.by in ("FROM", "JOIN", "STRAIGHT_JOIN", "(", "", "USING")
            if what is not None and what.kind == "VIEW" and reads and qualifier.token.text not in names:
                self._programs.outside.add(what.name.name.lower() if what.name else "")
                continue
            if verb == "SELECT" and reads and qualifier.database.lower() in _READABLE:
                continue
            return f"reaches into database {qualifier.database}"
        return None

    def _writes(self, found: Sequence[Token]) -> bool:
        """Whether a body writes to another database; a join may be that of an UPDATE or DELETE."""
        changes = any(
            t.word in ("UPDATE", "DELETE") and before.word not in ("BEFORE", "AFTER", "OR", "FOR")
            for before, t in pairwise(found)
        )
        return any(
            changes or q.by not in ("FROM", "JOIN", "STRAIGHT_JOIN", "", "REFERENCES", "USING")
            for q in self._foreign(found)
        )


def _assigned(found: Sequence[Token], at: int) -> bool:
    """Whether a variable's name stands here with its ``=``: no column that is called ``global``."""
    name = chain(found, at)
    return name is not None and [t.word for t in found[name.after : name.after + 1]] in (["="], [":="])


def _hidden_mode(sql: bytes, found: Sequence[Token]) -> str | None:
    """Refuses to follow sql_mode where `SqlModes` might read other than the server."""
    if b"sql_mode" not in sql.lower():
        return None
    if found[0].word == "SET":
        return None if _PLAIN_SET.match(sql) else "sets sql_mode in a way that hides something"
    variables = any(t.kind is Kind.VARIABLE and b"SQL_MODE" in t.text.upper() for t in found)
    sets = found[0].word in ("SELECT", "DO", "WITH") and any(t.word in ("INTO", ":=") for t in found)
    return "changes a variable that sql_mode is set from" if variables and sets else None


def _unsafe(line: int, what: str, hint: str = _HINT) -> UnsafeDump:
    return UnsafeDump(f"line {line}: {what}", hint=hint)
