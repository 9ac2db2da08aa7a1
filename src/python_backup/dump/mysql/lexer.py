r"""Cuts mysqldump, mariadb-dump and other MySQL dump text into pieces, as the client program does.

What counts: a delimiter ends a statement where it is outside strings, quoted names and comments;
``/*! … */`` and ``/*M! … */`` are code; a client's word command (``DELIMITER``, ``source``) stands at
the beginning of a statement, a short one (``\!``) anywhere outside strings. So does the mysql
client read (client/mysql.cc, add_line), and dumps are written for it.

Rows after ``INSERT … VALUES`` or ``REPLACE … VALUES`` are data; `rows` reads them. Any other INSERT is
a `DataBegin` that holds it all, with an end of unknown rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from python_backup.dump.mysql.client import SANDBOX, SANDBOX_BEGINS, WORD, is_command
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.names import unquote
from python_backup.dump.mysql.rows import HEAD, UNCOUNTED_HEAD, ExactRows, TrustedRows, string_pattern
from python_backup.dump.piece import ClientCommand, Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.errors import ArtifactCorrupt
from python_backup.model import label

STATEMENT_LIMIT = 256 * 1024 * 1024
"""A statement that is not data is held whole; a longer one is refused, in bytes."""

_HEAD_LIMIT = 1024 * 1024
_COMMENT_HELD = 64 * 1024
_LOOK_AHEAD = 4
_BLANK = re.compile(rb"\s*+")
_TAIL = re.compile(rb"[ \t\r]*+\n")
_BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"(?:/\*M?!999999\\-[^*\n]*\*/[ \t]*\n)?-- (?:MySQL|MariaDB) dump \d[^\r\n]*\n")
_COMPLETED = b"-- Dump completed"


@lru_cache(maxsize=32)
def _code(delimiter: bytes) -> re.Pattern[bytes]:
    return re.compile(
        rb"(?P<end>" + re.escape(delimiter) + rb")|(?P<command>\\)|(?P<quote>['\"`])"
        rb"|(?P<line>#|--(?=[\x00-\x20]))|(?P<code>/\*M?!)|(?P<block>/\*)|(?P<close>\*/)",
        re.DOTALL,
    )


@lru_cache(maxsize=8)
def _inside(mark: bytes, escapes: bool) -> re.Pattern[bytes]:  # noqa: FBT001 - a cache key
    return re.compile(string_pattern(mark, escapes=escapes), re.DOTALL)


class MysqlLexer:
    """See `python_backup.dump.piece.Lexer`."""

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0  # where the piece at hand begins
        self._at = 0  # how far it was read
        self._sql = -1  # where its statement begins; -1 before a statement
        self._inside = b""  # the mark of the string, name or comment that is being read
        self._in_code = False  # whether that is within code in a comment
        self._line = 1  # the line of _start
        self._delimiter = b";"
        self._modes = SqlModes()
        self._trusted = False
        self._first = True
        self._insert = False
        self._table: str | None = None  # the table whose data is being read
        self._rows: TrustedRows | ExactRows = TrustedRows()
        self._count = 0
        self._completed = False
        self._final = False

    @property
    def complete(self) -> bool:
        """Whether ``-- Dump completed`` was seen, and nothing but comments after it."""
        return self._completed

    def feed(self, block: bytes) -> Iterator[Piece]:
        """The pieces that are complete with this block."""
        self._buffer = self._buffer[self._start :] + block if self._start < len(self._buffer) else block
        self._at -= self._start
        self._sql = max(-1, self._sql - self._start)
        self._start = 0
        if len(self._buffer) > STATEMENT_LIMIT:
            raise ArtifactCorrupt(
                f"the statement in line {self._line} is longer than {STATEMENT_LIMIT} bytes",
                hint="Such a statement is in no dump that mysqldump or mariadb-dump wrote.",
            )
        if self._first and (b"\n" in self._buffer or len(self._buffer) > _COMMENT_HELD):
            self._look_at_header()
        if not self._first:
            yield from self._pieces()

    def finish(self) -> Iterator[Piece]:
        """What is left; raises `ArtifactCorrupt` where the stream ends inside something."""
        self._final = True
        self._look_at_header()
        yield from self._pieces()
        if self._table is not None:
            where = f"the data of table {self._table}"
        elif self._sql >= 0:
            where = "a statement"
        elif self._inside:
            where = "a comment"
        else:
            if self._start < len(self._buffer):
                yield self._comment(len(self._buffer))
            return
        raise ArtifactCorrupt(
            f"the dump ends inside {where} that begins in or after line {self._line}",
            hint="The dump was cut off: make a new backup, or take an older one.",
        )

    def jump(self, lines: int) -> None:
        """Counts lines that were passed over."""
        self._line += lines

    def _look_at_header(self) -> None:
        if self._first and self._buffer.startswith(_BOM):
            self._at = len(_BOM)  # it goes with the comment that follows; the mysql client skips it, too
        sandbox = self._buffer.startswith(SANDBOX_BEGINS, self._at)
        if not self._final and sandbox and self._buffer.count(b"\n") < 2:  # noqa: PLR2004 - it is line 2 then
            return
        if self._first:
            self._first = False
            self._trusted = _HEADER.match(self._buffer, self._at) is not None

    def _pieces(self) -> Iterator[Piece]:
        while True:
            if self._table is not None:
                pieces = self._data()
            elif self._sql >= 0:
                pieces = self._statement()
            else:
                pieces = self._lead()
            if pieces is None:
                return
            yield from pieces

    # Before a statement: blanks, comments, client commands.

    def _lead(self) -> tuple[Piece, ...] | None:
        """Reads up to the next statement or command; None where more bytes are needed."""
        buffer = self._buffer
        if self._inside:
            return self._comment_goes_on()
        blank = _BLANK.match(buffer, self._at)
        at = self._at = blank.end() if blank else self._at
        rest = len(buffer) - at
        if rest == 0:
            return self._flush_comment()
        if rest < _LOOK_AHEAD and not self._final:
            return None
        found = _code(self._delimiter).match(buffer, at)
        kind = found.lastgroup if found else "word"
        if kind in ("line", "block") or (rest == len(b"--") and buffer.startswith(b"--", at)):
            self._inside = b"*/" if kind == "block" else b"\n"
            self._at = at + 2 if kind == "block" else at
            return self._comment_goes_on()
        return self._take_up(at, found.end() if found and kind == "end" else at, kind or "word")

    def _take_up(self, at: int, end: int, kind: str) -> tuple[Piece, ...] | None:
        if kind == "end":
            self._at = end  # an empty statement: the client sends nothing
            return ()
        if kind == "command":
            return self._command(at, self._buffer[at + 1 : at + 2], at + 2)
        if kind == "code" and self._buffer.startswith(SANDBOX_BEGINS, at):
            return self._sandbox()
        return self._begin(at)

    def _comment_goes_on(self) -> tuple[Piece, ...] | None:
        close = self._inside
        found = self._buffer.find(close, self._at)
        if found < 0 and close == b"\n" and self._final:
            found = len(self._buffer)
        if found < 0:
            if close == b"*/":
                self._at = max(self._at, len(self._buffer) - 1)
            if self._at - self._start > _COMMENT_HELD:
                return (self._comment(self._at),)
            return None
        if close == b"\n" and self._buffer.startswith(_COMPLETED, self._at):
            self._completed = True
        self._inside = b""
        self._at = min(found + len(close), len(self._buffer))
        return ()

    def _flush_comment(self) -> tuple[Piece, ...] | None:
        if self._at - self._start > (0 if self._final else _COMMENT_HELD):
            return (self._comment(self._at),)
        return None

    def _comment(self, end: int) -> Comment:
        line = self._line
        return Comment(self._take(end), line)

    def _before(self, at: int) -> tuple[Piece, ...]:
        return (self._comment(at),) if at > self._start else ()

    def _begin(self, at: int) -> tuple[Piece, ...] | None:
        """A word command, or the first byte of a statement."""
        word = WORD.match(self._buffer, at)
        if word and word.end() == len(self._buffer) and not self._final:
            return None
        name = word.group().lower() if word else b""
        if word and is_command(name):
            if name == b"use":
                return self._use(at)
            return self._command(at, name, word.end())
        self._insert = name in (b"insert", b"replace")
        pieces = self._before(at)
        self._sql = self._at = self._start
        self._in_code = self._completed = False
        return pieces

    def _use(self, at: int) -> tuple[Piece, ...] | None:
        """``USE x`` ends with its line where the line holds no delimiter, and no name goes on after it."""
        end = self._line_end(at)
        if end is None:
            return None
        text = self._buffer[at:end]
        if self._delimiter in text or text.count(b"`") % 2:
            self._insert = False
            pieces = self._before(at)
            self._sql = self._at = self._start
            self._completed = False
            return pieces
        pieces = self._before(at)
        line = self._line
        text = self._take(end)
        return (*pieces, Statement(text, line, text.strip()))

    def _line_end(self, at: int) -> int | None:
        found = self._buffer.find(b"\n", at)
        if found < 0:
            return len(self._buffer) if self._final else None
        return found + 1

    def _command(self, at: int, name: bytes, argument: int) -> tuple[Piece, ...] | None:
        end = self._line_end(at)
        if end is None:
            return None
        pieces = self._before(at) if self._sql < 0 else ()
        line = self._line + self._buffer.count(b"\n", self._start, at)
        rest = self._buffer[argument:end].strip()
        self._sql = -1
        self._completed = False
        if name == b"delimiter" and rest:
            self._delimiter = rest.split()[0]
            rest = self._delimiter
        return (*pieces, ClientCommand(self._take(end), line, name.decode("ascii", "replace"), rest))

    def _sandbox(self) -> tuple[Piece, ...] | None:
        found = SANDBOX.match(self._buffer, self._at)
        if found is None or (found.end() == len(self._buffer) and not found.group().endswith(b"\n")):
            if not self._final and b"\n" not in self._buffer[self._at :]:
                return None
            if found is None:
                return self._begin(self._at)
        pieces = self._before(self._at)
        line = self._line
        text = self._buffer[self._start : found.end()]
        self._take(found.end())
        return (*pieces, ClientCommand(text, line, "sandbox", b""))

    # Inside a statement.

    def _statement(self) -> tuple[Piece, ...] | None:
        """Reads the statement at hand to its delimiter; None where more bytes are needed."""
        if self._insert and self._at - self._sql < _HEAD_LIMIT:
            head = HEAD.match(self._buffer, self._sql)
            if head:
                return self._begin_data(head)
        while not self._inside or self._leave():
            found = _code(self._delimiter).search(self._buffer, self._at)
            safe = len(self._buffer) - (0 if self._final else max(_LOOK_AHEAD, len(self._delimiter)))
            if found is None or (found.lastgroup != "end" and found.start() > safe):
                self._at = max(self._at, min(safe, found.start() if found else safe))
                return None
            if found.lastgroup == "end":
                return self._end(found.start(), found.end())
            if found.lastgroup == "command" and not self._buffer.startswith(b"N", found.end()):
                letter = self._buffer[found.end() : found.end() + 1]
                return self._command(found.start(), letter, found.end() + 1)
            self._pass(found)
        return None

    def _pass(self, found: re.Match[bytes]) -> None:
        """Goes behind a mark that does not end the statement, or into what it begins."""
        self._at = found.end()
        match found.lastgroup:
            case "command":
                self._at += 1  # the N of \N, which is a value
            case "close" if not self._in_code:
                self._at -= 1  # an asterisk: 2*/* a comment */3
            case "code" | "close":
                self._in_code = found.lastgroup == "code"
            case "line" | "block":
                self._inside = b"\n" if found.lastgroup == "line" else b"*/"
            case _:
                self._inside = found.group()

    def _leave(self) -> bool:
        """Goes to the end of the string, name or comment; False where it is not in the buffer."""
        mark = self._inside
        if mark in (b"\n", b"*/"):
            found = self._buffer.find(mark, self._at)
            if found < 0:
                self._at = max(self._at, len(self._buffer) - 1)
                return False
            self._at = found + len(mark)
        else:
            escapes = self._modes.backslash_escapes and mark != b"`"
            if mark == b'"' and self._modes.ansi_quotes:
                escapes = False
            match = _inside(mark, escapes).match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if not self._buffer.startswith(mark, self._at):
                return False
            self._at += 1
        self._inside = b""
        return True

    def _end(self, sql_end: int, end: int) -> tuple[Piece, ...] | None:
        """The delimiter was found: gives the whole statement with the rest of its blank line."""
        after = self._tail(end)
        if after is None:
            self._at = sql_end
            return None
        sql = self._buffer[self._sql : sql_end].rstrip()
        line = self._line
        head = UNCOUNTED_HEAD.match(sql) if self._insert else None
        if head:
            begin = DataBegin(self._take(sql_end), line, sql, label(unquote(head["table"])), copy=False)
            line = self._line
            self._sql = -1
            return (begin, DataEnd(self._take(self._start + after - sql_end), line, None))
        self._sql = -1
        statement = Statement(self._take(after), line, sql)
        self._modes.follow(sql)
        return (statement,)

    def _tail(self, end: int) -> int | None:
        """Where a piece ends whose delimiter ends at ``end``: after a line end that follows it."""
        match = _TAIL.match(self._buffer, end)
        if match:
            return match.end()
        if not self._final and not self._buffer[end:].strip(b" \t\r"):
            return None
        return end

    # Inside data.

    def _begin_data(self, head: re.Match[bytes]) -> tuple[Piece, ...]:
        line = self._line
        self._table = label(unquote(head["table"]))
        self._count = 0
        trusted = self._trusted and self._delimiter == b";" and self._modes.backslash_escapes
        self._rows = TrustedRows() if trusted else ExactRows(self._delimiter, self._modes)
        sql = head.group().rstrip()
        self._sql = -1
        self._inside = b""
        return (DataBegin(self._take(head.end()), line, sql, self._table, copy=False),)

    def _data(self) -> tuple[Piece, ...] | None:
        stretch = self._rows.scan(self._buffer, self._start, final=self._final)
        if stretch is None:
            return None
        pieces: tuple[Piece, ...] = ()
        if stretch.end > self._start:
            text = self._buffer[self._start : stretch.end]
            self._count += stretch.rows
            pieces = (Rows(text, self._line, stretch.rows, stretch.canonical),)
            self._start = self._at = stretch.end
            self._line += stretch.lines
        if not stretch.ended:
            return pieces
        return pieces + self._end_data()

    def _end_data(self) -> tuple[Piece, ...]:
        line = self._line
        end = self._start + len(self._delimiter)
        match = _TAIL.match(self._buffer, end)
        count = self._count if self._rows.counted else None
        self._table = None
        return (DataEnd(self._take(match.end() if match else end), line, count),)

    def _take(self, end: int) -> bytes:
        text = self._buffer[self._start : end]
        self._line += text.count(b"\n")
        self._start = self._at = end
        return text
