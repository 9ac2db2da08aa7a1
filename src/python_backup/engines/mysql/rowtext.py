r"""How the server itself writes a row as the dump tools write it, in one value: ``(1,'a\nb',NULL)``.

What is left for the client is what a few replacements do to many rows at once. Two ways, by table:

- of text alone, whose bytes are UTF-8: strings stand between two bytes that UTF-8 never has, and all of
  the escapes are the client's; this is the faster.
- with binary columns: the server quotes (``QUOTE``), and the client escapes what that leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.wire import Long

SETTINGS = (
    "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', character_set_connection = binary,"
    " net_write_timeout = 86400"
)
"""What the dump tools set, and literals of bytes, so that nothing is converted, nor is a 30 February refused.

The reader may be held back for long, and takes turns with others: no server is to give it up for that. So
mysqldump has it.
"""

_NUMBERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "double", "year"})
_TIMES = frozenset({"date", "time", "datetime", "timestamp"})
_PLAIN = _TIMES | {"uuid", "inet4", "inet6"}
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"})
_SHAPES = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
_BITS = frozenset({"bit", "geometry", "geometrycollection", "geomcollection"} | _SHAPES)
_MARK = b"\xff"
_LONGEST_CHARACTER = 4
_LAST_CHARACTER = re.compile(rb"[^\x80-\xbf][\x80-\xbf]*\Z")
_NULL = "'NULL'"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``charset`` and ``collation`` are empty where it is no text."""

    name: str
    type: str
    charset: str
    collation: str
    nullable: bool
    generated: bool
    visible: bool

    @property
    def binary(self) -> bool:
        """Whether its values are any bytes."""
        return self.type not in _NUMBERS | _PLAIN | {"float"} and (
            self.type not in _TEXTS or self.charset == "binary"
        )


@dataclass(frozen=True, slots=True)
class RowText:
    """How a table's rows are written: ``expression`` is the server's part, ``finish`` the client's.

    ``head`` is what its INSERT begins with. The session's literals are of bytes (see `SETTINGS`).
    ``values`` are the columns one by one, for a row that is longer than the server's values may be: `joined`.
    """

    head: bytes
    expression: str
    finish: Callable[[bytes], bytes]
    values: str
    kinds: tuple[bytes | None, ...]

    def joined(self, row: Iterator[Long | None]) -> Iterator[bytes]:
        """What ``expression`` and ``finish`` would make of a row's ``values``, as it comes."""
        before = b"("
        for value, kind in zip(row, self.kinds, strict=True):
            yield before
            yield from _written(value, kind)
            before = b","
        yield b")"

    def finished(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What ``finish`` makes of a text, as it comes."""
        return map(self.finish, _cut(pieces))


def _written(value: Long | None, kind: bytes | None) -> Iterator[bytes]:
    """A value as it stands in a dump; ``kind`` is what goes before its quotes, None where it has none."""
    if value is None:
        yield b"NULL"
    elif kind is None:
        yield from value.pieces
    else:
        yield (kind if value.length else b"") + b"'"
        yield from map(_escape_all_and_heads if kind else _escape_all, _cut(value.pieces))
        yield b"'"


def _cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut where no character of UTF-8 goes on: `_HEADS` looks at what follows."""
    held = b""
    for piece in pieces:
        text = held + piece
        last = _LAST_CHARACTER.search(text, max(0, len(text) - _LONGEST_CHARACTER))
        cut = len(text) if last is None else last.start()
        held = text[cut:]
        if cut:
            yield text[:cut]
    if held:
        yield held


def columns(session: Session, database: str) -> Mapping[str, tuple[Column, ...]]:
    """The columns of all tables of a database, in their order."""
    found: dict[str, list[Column]] = {}
    for table, name, kind, charset, collation, nullable, expression, extra in session.rows(
        "SELECT table_name, column_name, data_type, character_set_name, collation_name, is_nullable,"
        " generation_expression, extra FROM information_schema.columns WHERE table_schema = %s"
        " ORDER BY table_name, ordinal_position",
        database,
    ):
        found.setdefault(table, []).append(
            Column(
                name=name,
                type=_text(kind).lower(),
                charset=charset or "",
                collation=collation or "",
                nullable=nullable == "YES",
                generated=bool(expression) and "DEFAULT_GENERATED" not in extra,
                visible="INVISIBLE" not in extra.upper(),
            )
        )
    return {table: tuple(those) for table, those in found.items()}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@dataclass(frozen=True, slots=True)
class Manner:
    """Whose manner of writing: ``hex_bits`` is for bits and shapes, which newer mariadb-dumps write so."""

    mariadb: bool
    hex_bits: bool


def row_text(table: str, those: Sequence[Column], manner: Manner) -> RowText:
    """How rows of this table are written; ``those`` are all of its columns."""
    mariadb = manner.mariadb
    written = [c for c in those if mariadb or not c.generated]
    named = not all(c.visible for c in those) or len(written) < len(those)
    names = f" ({', '.join(quoted(c.name) for c in written)})" if named else ""
    marked = not any(c.binary for c in written)
    pieces = ",',',".join(_marked(c) if marked else _quoted_by_server(c, manner) for c in written)
    finish = _escape if marked else _escape_quoted if mariadb else _escape_quoted_and_heads
    return RowText(
        head=f"INSERT INTO {quoted(table)}{names} VALUES ".encode("utf-8", "surrogateescape"),
        expression=f"CONCAT('(',{pieces},')')",
        finish=finish,
        values=", ".join(_alone(c, manner) for c in written),
        kinds=tuple(_kind(c, manner) for c in written),
    )


def _kind(column: Column, manner: Manner) -> bytes | None:
    if column.type in _TEXTS | _PLAIN and not column.binary:
        return b""
    if not column.binary or _as_hex(column, manner):
        return None
    return b"" if manner.mariadb else b"_binary "


def _alone(column: Column, manner: Manner) -> str:
    if _kind(column, manner) is None:
        return f"CAST({_quoted_by_server(column, manner)} AS BINARY)"
    return f"CAST({quoted(column.name) if column.binary else _as_utf8(column)} AS BINARY)"


def _as_hex(column: Column, manner: Manner) -> bool:
    return manner.hex_bits and column.type in _BITS


def _marked(column: Column) -> str:
    if column.type in _TEXTS | _PLAIN:
        return _or_null(column, f"CONCAT(X'FF',{_as_utf8(column)},X'FF')")
    return _number(column)


def _quoted_by_server(column: Column, manner: Manner) -> str:
    if column.type in _PLAIN:
        return _or_null(column, f"CONCAT('''',{_as_utf8(column)},'''')")
    if not column.binary and column.type not in _TEXTS:
        return _number(column)
    if not column.binary:
        return f"QUOTE({_as_utf8(column)})"
    name = quoted(column.name)
    if _as_hex(column, manner):
        return _or_null(column, f"CONCAT('0x',HEX(CAST({name} AS BINARY)))")
    value = f"QUOTE(CAST({name} AS BINARY))"
    return value if manner.mariadb else f"CONCAT(IF(LENGTH({name})>0,'_binary ',''),{value})"


def _as_utf8(column: Column) -> str:
    """The value's bytes, in UTF-8."""
    name = quoted(column.name)
    if column.type in _TIMES:
        return name
    if column.charset in ("utf8mb4", "utf8mb3", "utf8", "ascii"):
        return f"CAST({name} AS BINARY)"
    return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"


def _number(column: Column) -> str:
    name = quoted(column.name)
    if column.type == "float":  # six digits, unless these are another number
        name = f"IF(CAST(CAST({name} AS CHAR) AS FLOAT)={name},CAST({name} AS CHAR),CAST({name}+0e0 AS CHAR))"
    return _or_null(column, name)


def _or_null(column: Column, expression: str) -> str:
    return f"IFNULL({expression},{_NULL})" if column.nullable else expression


def _escape(text: bytes) -> bytes:
    return _escape_all(text).replace(_MARK, b"'")


def _escape_all(text: bytes) -> bytes:
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text


_ESCAPES = (
    (b"\\", b"\\\\"),
    (b"'", b"\\'"),
    (b'"', b'\\"'),
    (b"\n", b"\\n"),
    (b"\r", b"\\r"),
    (b"\0", b"\\0"),
    (b"\x1a", b"\\Z"),
)
"""What mysql_real_escape_string writes; the backslash first."""


def _escape_quoted(text: bytes) -> bytes:
    return text.replace(b'"', b'\\"').replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def _escape_quoted_and_heads(text: bytes) -> bytes:
    """MySQL's client library also escapes the first byte of what would be no character of UTF-8."""
    return _HEADS.sub(rb"\\\g<0>", _escape_quoted(text))


def _escape_all_and_heads(text: bytes) -> bytes:
    return _HEADS.sub(rb"\\\g<0>", _escape_all(text))


_HEADS = re.compile(
    rb"[\xf5-\xf7]|[\xc2-\xdf](?![\x80-\xbf])"
    rb"|\xe0(?![\xa0-\xbf][\x80-\xbf])"
    rb"|[\xe1-\xec\xee\xef](?![\x80-\xbf]{2})"
    rb"|\xed(?![\x80-\x9f][\x80-\xbf])"
    rb"|\xf0(?![\x90-\xbf][\x80-\xbf]{2})"
    rb"|[\xf1-\xf3](?![\x80-\xbf]{3})"
    rb"|\xf4(?![\x80-\x8f][\x80-\xbf]{2})"
)
