"""Which of the session's SQL modes change how a dump's text is read, followed through its SETs.

``NO_BACKSLASH_ESCAPES`` makes a backslash in a string a plain byte, ``ANSI_QUOTES`` makes ``"``
hold identifiers. mysqldump sets modes around each routine and saves what was there in a user
variable (``SET @saved_sql_mode = @@sql_mode``); so such variables are followed too.
Source: MySQL Reference Manual, "Server SQL Modes"; MariaDB knowledge base, "SQL_MODE".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_backup.dump.mysql.names import variable_name

_BACKSLASH_OFF = b"NO_BACKSLASH_ESCAPES"
_ANSI = frozenset((b"ANSI_QUOTES", b"ANSI", b"ORACLE", b"DB2", b"MSSQL", b"POSTGRESQL", b"MAXDB"))
_IS_SET = re.compile(rb"(?is)(?:/\*M?!\d*\s*)?SET\b")
_USER_VARIABLE = rb"""@`[^`]*`|@'[^']*'|@"[^"]*"|@[\w$.\x80-\xff]+"""
_VALUE = (
    rb"""((?:'[^']*'|"[^"]*"|@@(?:session\.|local\.|global\.)?[\w$]+|"""
    + _USER_VARIABLE
    + rb""")(?=\s*+(?:[,;]|\*/|\Z))|[^,;]+)"""
)
_MENTIONED = re.compile(
    rb"""(?<![@'"`])(?:""" + _USER_VARIABLE + rb")"
)  # behind a quote it is an account's host
_ASSIGNMENT = re.compile(
    rb"(?is)(" + _USER_VARIABLE + rb"|@@(?:session\.|local\.|global\.)?[\w$]+|"
    rb"(?:(?:session|local|global)\s+)?[\w$]+)\s*:?=\s*" + _VALUE
)
_OWN = re.compile(rb"(?is)(?:@@(?:session\.|local\.)?|(?:session|local)\s+)?sql_mode\Z")
_IFNULL = re.compile(rb"(?i)\Aifnull\s*\(\s*")
_GLOBAL = re.compile(rb"(?is)@@global\.sql_mode\Z")


@dataclass(slots=True)
class SqlModes:
    """The modes in force at one place of a dump; `follow` is told of each statement in order."""

    backslash_escapes: bool = True
    ansi_quotes: bool = False
    _saved: dict[bytes, tuple[bool, bool]] = field(default_factory=dict)

    def follow(self, sql: bytes) -> bool:
        """Takes one statement; False where it sets the mode to what its text does not tell."""
        if b"sql_mode" not in sql.lower() or not _IS_SET.match(sql):
            self._forget(sql)
            return True
        understood = True
        for name, value in _ASSIGNMENT.findall(sql):
            if _OWN.match(name.strip()):
                understood = self._set(value.strip()) and understood
            elif name.startswith(b"@") and not name.startswith(b"@@"):
                self._save(name, value.strip())
        return understood

    def _save(self, name: bytes, value: bytes) -> None:
        plain = variable_name(name)
        if plain and (_OWN.match(value) or _GLOBAL.match(value)):
            self._saved[plain] = (self.backslash_escapes, self.ansi_quotes)
        else:
            self._drop(plain)

    def _forget(self, sql: bytes) -> None:
        """What names a saved variable elsewhere may change it, at once or when a trigger fires."""
        if self._saved and b"@" in sql:
            for found in _MENTIONED.finditer(sql):
                self._drop(variable_name(found.group()))

    def _drop(self, variable: bytes) -> None:
        if variable:
            self._saved.pop(variable, None)
        else:
            self._saved.clear()

    def _set(self, value: bytes) -> bool:
        value = _IFNULL.sub(b"", value.removesuffix(b"*/").strip())  # as HeidiSQL writes it
        if value[:1] in (b"'", b'"') and value[-1:] == value[:1] and value[:1] not in value[1:-1]:
            words = {word.strip().upper() for word in value[1:-1].split(b",")}
            self.backslash_escapes = _BACKSLASH_OFF not in words
            self.ansi_quotes = not _ANSI.isdisjoint(words)
            return True
        if value.lower() in (b"default", b"0"):
            self.backslash_escapes, self.ansi_quotes = True, False
            return True
        if value[:1] == b"@" and variable_name(value) in self._saved:
            self.backslash_escapes, self.ansi_quotes = self._saved[variable_name(value)]
            return True
        return bool(_OWN.match(value))
