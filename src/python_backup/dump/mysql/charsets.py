r"""Follows the character set in which the server reads statements, where that can hide a quote.

In GBK, Big5, Shift-JIS and GB 18030 the second byte of a character may be that of a backslash or a
backquote: ``\xbf\x5c'`` is a character and a quote there, and elsewhere an escaped quote. While such a
set may be in force, a statement with a byte of that kind is one that can be read in two ways.

In sets of one byte a character, ``\xa0`` or ``\xff`` may be a blank that parts two words, and in any set
``--`` with a control character begins a comment, as ``\x7f`` does in UTF-8 (MySQL 9.7, MariaDB 10.5, 11.8).
Source: MySQL Reference Manual, "Connection Character Sets and Collations"; sql_lex.cc.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.tokens import Kind, Token, user_variables

_HARMLESS = frozenset(
    """
    UTF8 UTF8MB3 UTF8MB4 LATIN1 LATIN2 LATIN5 LATIN7 ASCII BINARY CP1250 CP1251 CP1256 CP1257 CP850
    CP852 CP866 KOI8R KOI8U GREEK HEBREW MACCE MACROMAN TIS620 GEOSTD8 ARMSCII8 KEYBCS2 DEC8 HP8
    EUCKR UJIS EUCJPMS GB2312 DEFAULT
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_AMBIGUOUS = re.compile(rb"[\x80-\xff][\\`]")
_NO_BLANKS = frozenset(("UTF8", "UTF8MB3", "UTF8MB4", "BINARY", "EUCKR", "UJIS", "EUCJPMS", "GB2312"))
_BLANK = re.compile(rb"[\xa0\xff]")
_HYPHENS = re.compile(rb"--[\x7f-\xff]")
_CLIENT = "CHARACTER_SET_CLIENT"
_MENTIONED = re.compile(rb"(?i)names|char")


@dataclass(slots=True)
class Charsets:
    """Which character sets may be in force; `follow` is told of each statement in order.

    ``doubtful``: one in which a byte of a character may look like a backslash; ``blanks``: one in which a
    byte beyond ASCII may be a blank.
    """

    doubtful: bool = False
    blanks: bool = False
    _saved: dict[bytes, bool] = field(default_factory=dict)

    def ambiguous(self, text: bytes) -> bool:
        """Whether this text can be read in two ways now."""
        return self.doubtful and _AMBIGUOUS.search(text) is not None

    def parted(self, sql: bytes, found: Sequence[Token]) -> str | None:
        """Why the server may part these tokens otherwise; None where it does not."""
        if self.blanks and any(t.kind in (Kind.WORD, Kind.VARIABLE) and _BLANK.search(t.text) for t in found):
            return "a byte that the character set may take for a blank"
        if _HYPHENS.search(sql):
            ends = {t.end for t in found if t.text == b"-"}
            if any(m.start() + 1 in ends and m.start() + 2 in ends for m in _HYPHENS.finditer(sql)):
                return "two hyphens that may begin a comment"
        return None

    def follow(self, sql: bytes, found: Sequence[Token]) -> None:
        """Takes one statement and its tokens."""
        if not found or found[0].word != "SET":
            for token in user_variables(found) if self._saved else ():
                self._drop(token.variable)  # it may be changed, at once or when a trigger fires
            return
        for at, token in enumerate(found):
            if token.own_variable:
                self._assign(found, at)
        if _MENTIONED.search(sql):
            self._set(found)

    def _assign(self, found: Sequence[Token], at: int) -> None:
        if [t.word for t in found[at + 1 : at + 2]] not in (["="], [":="]):
            return
        name, value = found[at].variable, found[at + 2 : at + 3]
        whole = [t.word for t in found[at + 3 : at + 4]] in ([], [","])
        client = bool(value) and value[0].kind is Kind.VARIABLE and value[0].setting == _CLIENT
        if name and client and whole and not self.doubtful:
            self._saved[name] = self.blanks
        else:
            self._drop(name)

    def _drop(self, variable: bytes) -> None:
        if variable:
            self._saved.pop(variable, None)
        else:
            self._saved.clear()

    def _set(self, found: Sequence[Token]) -> None:
        words = [t.setting for t in found]
        for at, word in enumerate(words):
            before = words[at - 1] if at else ""
            if word in ("NAMES", "CHARSET") or (word == "SET" and before in ("CHARACTER", "CHAR")):
                value = at + 1
            elif word == _CLIENT and before not in ("=", ":="):
                value = at + 2
            else:
                continue
            self._judge(found[value] if value < len(found) else None, found[value + 1 : value + 2])

    def _judge(self, value: Token | None, after: Sequence[Token]) -> None:
        whole = not after or after[0].word in (",", "COLLATE")
        name = value.text.strip(b"'\"`").decode("latin-1").upper() if value else ""
        saved = self._saved.get(value.variable) if value and value.own_variable else None
        self.doubtful = not ((name in _HARMLESS or saved is not None) and whole)
        self.blanks = name not in _NO_BLANKS if saved is None else saved
