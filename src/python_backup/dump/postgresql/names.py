"""PostgreSQL's identifiers: how they are quoted, folded and decoded. Knows nothing of statements."""

from __future__ import annotations

import re

NAME_BYTES = 63
"""NAMEDATALEN - 1: the server cuts longer names (sql-syntax-lexical, "Identifiers")."""

CODECS = {
    "utf8": "utf-8", "unicode": "utf-8", "sqlascii": "utf-8", "latin1": "latin-1", "latin2": "iso8859-2",
    "latin3": "iso8859-3", "latin4": "iso8859-4", "latin5": "iso8859-9", "latin6": "iso8859-10",
    "latin7": "iso8859-13", "latin8": "iso8859-14", "latin9": "iso8859-15", "latin10": "iso8859-16",
    "iso88595": "iso8859-5", "iso88596": "iso8859-6", "iso88597": "iso8859-7", "iso88598": "iso8859-8",
    "koi8": "koi8-r", "koi8r": "koi8-r", "koi8u": "koi8-u", "win866": "cp866", "alt": "cp866",
    "win874": "cp874",
    "win1250": "cp1250", "win1251": "cp1251", "win": "cp1251", "win1252": "cp1252", "win1253": "cp1253",
    "win1254": "cp1254", "win1255": "cp1255", "win1256": "cp1256", "win1257": "cp1257", "win1258": "cp1258",
    "eucjp": "euc-jp", "euckr": "euc-kr", "euccn": "gb2312",
    "eucjis2004": "euc-jis-2004", "sjis": "cp932",
    "shiftjis": "cp932", "shiftjis2004": "shift-jis-2004", "big5": "big5", "gbk": "gbk", "gb18030": "gb18030",
    "uhc": "cp949", "johab": "johab",
}  # fmt: skip
"""Python's codec for each encoding the server knows, both without case, ``_`` and ``-``."""

_CONTINUES = 0b1000_0000  # the high bits of a byte that goes on with a UTF-8 character
_UNICODE_ESCAPE = r"{0}(?:({0})|\+([0-9A-Fa-f]{{6}})|([0-9A-Fa-f]{{4}}))"


def codec_of(encoding: str) -> str:
    """Python's codec for a PostgreSQL encoding name; UTF-8 for one that is not known."""
    return CODECS.get(re.sub(r"[^a-z0-9]", "", encoding.lower()), "utf-8")


def quote(name: str) -> str:
    """The identifier in double quotes, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def unquote(text: bytes, codec: str = "utf-8") -> str:
    """The name that one identifier token means: folded when bare, undoubled when quoted.

    Bytes that the codec does not know become lone surrogates. ``U&"…"`` is read with the
    default escape character.
    """
    if text[:1] == b'"':
        return _clipped(text[1:-1].replace(b'""', b'"'), codec)
    if text[:3].lower() == b'u&"':
        plain = unicode_unescaped(text[3:-1].replace(b'""', b'"').decode(codec, "surrogateescape"))
        return _clipped(plain.encode(codec, "surrogateescape"), codec)
    return _clipped(text.lower(), codec)


def unicode_unescaped(text: str, escape: str = "\\") -> str:
    r"""The text with ``\XXXX``, ``\+XXXXXX`` and ``\\`` resolved."""

    def one(match: re.Match[str]) -> str:
        doubled, long, short = match.groups()
        return str(doubled) if doubled else chr(min(int(long or short, 16), 0x10FFFF))

    plain = re.sub(_UNICODE_ESCAPE.format(re.escape(escape)), one, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clipped(name: bytes, codec: str) -> str:
    if len(name) > NAME_BYTES:
        kept = name[:NAME_BYTES]
        if codec == "utf-8":  # not in the middle of a character
            while kept and name[len(kept)] & 0b1100_0000 == _CONTINUES:
                kept = kept[:-1]
        name = kept
    return name.decode(codec, "surrogateescape")
