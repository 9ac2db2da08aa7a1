"""The statements that make MySQL's and MariaDB's objects, as tokens without what does not make them others.

Left out: comments, white space, the marks of code in comments (``/*!50013 … */``), a table's
``AUTO_INCREMENT=n``, definers, and the name of the dump's own database. To a program and a view belong the
settings that it is made under, and to a trigger the one that it comes after. Keys and constraints
stand in their table's statement, and have none of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from python_backup.dump.created import Created
from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import encode
from python_backup.dump.mysql.renaming import Name, renamed_tokens
from python_backup.dump.mysql.rows import string_pattern
from python_backup.dump.mysql.settings import Settings
from python_backup.dump.mysql.tokens import tokens
from python_backup.dump.piece import Statement
from python_backup.dump.statements import Made
from python_backup.model import label

_MAKES = re.compile(rb"(?i)(?:/\*M?!\d*\s*)?(CREATE|ALTER)\b")
_KEYS = re.compile(rb"(?i)/\*!40000\s+ALTER\s+TABLE\b")
_DEFINER = re.compile(rb"(?i)\x00DEFINER\x00=\x00[^\x00]++(?:\x00@\x00[^\x00]++)?(?:\x00\(\x00\))?")
_AUTO_INCREMENT = re.compile(rb"(?i)\x00AUTO_INCREMENT\x00=\x00\d+(?=\x00|\Z)")
_PROGRAMS = frozenset(("routines", "triggers", "events", "views"))
_WITH_SETTINGS = "blake3-session"
"""The form of what also depends on the session that makes it."""
_DOT = re.compile(rb"\s*+\.\s*+")


@lru_cache(maxsize=4)
def _pattern(escapes: bool, ansi: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a cache key
    single = b"'" + string_pattern(b"'", escapes=escapes) + b"'"
    double = b'"' + string_pattern(b'"', escapes=escapes and not ansi) + b'"'
    back = b"`" + string_pattern(b"`", escapes=False) + b"`"
    return re.compile(
        rb"\s++|#[^\n]*+|--(?:[\x00-\x20][^\n]*+|\Z)|/\*M?!\d*+|\*/|/\*(?:[^*]|\*(?!/))*+\*/"
        rb"|((?:" + single + b")++|(?:" + double + b")++|(?:" + back + rb")++|[\w$\x80-\xff]++|.)",
        re.DOTALL,
    )


class MysqlStatements:
    """See `python_backup.dump.statements.StatementReader`; ``source`` is the dump's own database."""

    def __init__(self, source: str | None) -> None:
        self._source = source
        self._name = encode(source) if source else b""
        self._modes = SqlModes()
        self._settings = Settings()

    def __call__(self, statement: Statement, created: Sequence[Created]) -> Made | None:
        """The object that a CREATE makes, or the table that an ALTER TABLE changes."""
        sql = statement.sql
        self._modes.follow(sql)
        self._settings.follow(sql)
        begins = _MAKES.match(sql)
        if begins is None or _KEYS.match(sql):
            return None
        made = next((c for c in created if not c.gone), None)
        if begins[1].upper() == b"ALTER":
            what = definition(tokens(sql[:1024], self._modes))
            if what is None or what.kind != "TABLE" or what.name is None:
                return None
            made = Created("tables", label(what.name.name))
        if made is None:
            return None
        text = self._normalised(sql, table=made.kind == "tables")
        if made.kind in _PROGRAMS:
            return Made(made.kind, made.name, text + self._settings.around(made, text), _WITH_SETTINGS)
        return Made(made.kind, made.name, text)

    def _normalised(self, sql: bytes, *, table: bool) -> bytes:
        if self._name and self._name in sql:
            sql = self._unqualified(sql)
        pattern = _pattern(self._modes.backslash_escapes, self._modes.ansi_quotes)
        text = b"\x00".join(filter(None, pattern.findall(sql)))
        text = _DEFINER.sub(b"", text, count=1)
        return _AUTO_INCREMENT.sub(b"", text) if table else text

    def _unqualified(self, sql: bytes) -> bytes:
        """The statement without its own database, before names and alone (``SHOW TABLES FROM db``)."""
        parts, at = [], 0
        for place in renamed_tokens(tokens(sql, self._modes), Name(self._source or "")):
            token = place.token
            dot = _DOT.match(sql, token.end)
            if token.start >= at:
                parts.append(sql[at : token.start])
                at = dot.end() if dot else token.end
        return b"".join((*parts, sql[at:]))
