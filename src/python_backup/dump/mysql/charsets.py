r"""Follows the character set in which the server reads statements, where that can hide a quote.

In GBK, Big5, Shift-JIS and GB 18030 the second byte of a character may be that of a backslash or a
backquote: ``\xbf\x5c'`` is a character and a quote there, and elsewhere an escaped quote. While such a
set may be in force, a statement with a byte of that kind is one that can be read in two ways.
Source: MySQL Reference Manual, "Connection Character Sets and Collations".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.tokens import Kind, Token

_HARMLESS = frozenset(
    """
    UTF8 UTF8MB3 UTF8MB4 LATIN1 LATIN2 LATIN5 LATIN7 ASCII BINARY CP1250 CP1251 CP1256 CP1257 CP850
    CP852 CP866 KOI8R KOI8U GREEK HEBREW MACCE MACROMAN TIS620 GEOSTD8 ARMSCII8 KEYBCS2 DEC8 HP8
    EUCKR UJIS EUCJPMS GB2312 DEFAULT
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_AMBIGUOUS = re.compile(rb"[\x80-\xff][\\`]")
_CLIENT = re.compile(rb"@@(?:SESSION\.|LOCAL\.)?CHARACTER_SET_CLIENT\Z")
_MENTIONED = re.compile(rb"(?i)names|char")


@dataclass(slots=True)
class Charsets:
    """Whether such a character set may be in force; `follow` is told of each statement in order."""

    doubtful: bool = False
    _saved: set[bytes] = field(default_factory=set)

    def ambiguous(self, text: bytes) -> bool:
        """Whether this text can be read in two ways now."""
        return self.doubtful and _AMBIGUOUS.search(text) is not None

    def follow(self, sql: bytes, found: Sequence[Token]) -> None:
        """Takes one statement and its tokens."""
        if not found or found[0].word != "SET":
            if any(t.word in (":=", "INTO") for t in found):
                self._saved -= {t.text.lower() for t in found if t.kind is Kind.VARIABLE}
            return
        for at, token in enumerate(found):
            if token.kind is Kind.VARIABLE and not token.text.startswith(b"@@"):
                self._assign(found, at)
        if _MENTIONED.search(sql):
            self._set(found)

    def _assign(self, found: Sequence[Token], at: int) -> None:
        if [t.word for t in found[at + 1 : at + 2]] not in (["="], [":="]):
            return
        name, value = found[at].text.lower(), found[at + 2 : at + 3]
        whole = [t.word for t in found[at + 3 : at + 4]] in ([], [","])
        if value and whole and _CLIENT.match(value[0].text.upper()) and not self.doubtful:
            self._saved.add(name)
        else:
            self._saved.discard(name)

    def _set(self, found: Sequence[Token]) -> None:
        words = [
            t.text.upper().removeprefix(b"@@").removeprefix(b"SESSION.").removeprefix(b"LOCAL.")
            for t in found
        ]
        for at, word in enumerate(words):
            before = found[at - 1].word if at else ""
            if word in (b"NAMES", b"CHARSET") or (word == b"SET" and words[at - 1] == b"CHARACTER"):
                value = at + 1
            elif word == b"CHARACTER_SET_CLIENT" and before not in ("=", ":="):
                value = at + 2
            else:
                continue
            self._judge(found[value] if value < len(found) else None, found[value + 1 : value + 2])

    def _judge(self, value: Token | None, after: Sequence[Token]) -> None:
        whole = not after or after[0].word in (",", "COLLATE")
        name = value.text.strip(b"'\"`").decode("latin-1").upper() if value else ""
        known = name in _HARMLESS or (value is not None and value.text.lower() in self._saved)
        self.doubtful = not (known and whole)
