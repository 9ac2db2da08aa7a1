r"""Cuts the text of pg_dump, pg_dumpall and psql scripts into statements, comments, commands and data.

The rules for where a statement ends are psql's (``psqlscan.l``): not in parentheses, not in a
``BEGIN ATOMIC … END`` body. The rules for COPY data are psql's too: it ends at a line ``\.``. A
backslash at the start of a statement begins a line for psql; within one it is left in the
statement, where the server would refuse it and the guard does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_backup.dump.piece import ClientCommand, Comment, DataBegin, DataEnd, Piece, Rows, Statement
from python_backup.dump.postgresql.atomic import AtomicBody
from python_backup.dump.postgresql.copydata import CopyData, copies_from_client, newlines
from python_backup.dump.postgresql.scan import Scanner
from python_backup.dump.postgresql.session import Session
from python_backup.dump.postgresql.tokens import GAP, comment_end
from python_backup.errors import ArtifactCorrupt
from python_backup.late import late

if TYPE_CHECKING:
    from python_backup.dump.postgresql import insert
else:
    (insert,) = late(__package__, "insert")  # pg_dump writes COPY unless it is told otherwise

_GAP = re.compile(GAP + rb"*+").match
_LINE_REST = re.compile(rb"[ \t\r]*+\n").match
_COPY_LINE_REST = re.compile(rb"[ \t\r\f\v]*+(?:--[^\n]*+)?(\n?)").match
_INSERT = re.compile(rb"(?i)insert(?![A-Za-z0-9_$\x80-\xff])").match
_COPY = re.compile(rb"(?i)copy(?![A-Za-z0-9_$\x80-\xff])").match
_COMMAND = re.compile(rb"\\([^\s\\]*+)(.*)", re.DOTALL).match
_COMMENTS = re.compile(rb"--([^\n\r]*+)|/\*(?:[^*]|\*(?!/))*+\*/").finditer
_MARK = b"PostgreSQL database"
_MARKS = {
    b"PostgreSQL database cluster dump": "cluster",
    b"PostgreSQL database dump complete": "database",
    b"PostgreSQL database cluster dump complete": "end",
}
_BOM = b"\xef\xbb\xbf"
_HINT = "Make the backup again; this file is not whole."


@dataclass(slots=True)
class PostgreSQLLexer:
    """One stream's lexer. The pieces of a `feed` must be taken before the next one."""

    session: Session = field(default_factory=Session)
    _text: bytes = b""
    _start: int = 0  # where the piece begins that is being looked for
    _at: int = 0  # how far the scanner has come in it
    _line: int = 1
    _mode: Callable[[], Generator[Piece, None, bool]] | None = None
    _scanner: Scanner = field(default_factory=Scanner)
    _atomic: AtomicBody = field(default_factory=lambda: AtomicBody(standard=True))
    _copy: CopyData | None = None
    _rows: insert.RowReader | None = None
    _labels: dict[tuple[str, bytes], str] = field(default_factory=dict)
    _first: bool = True
    _complete: bool = False
    _cluster: bool = False
    _final: bool = False

    @property
    def complete(self) -> bool:
        r"""Whether the end mark was seen and nothing but ``\unrestrict`` and comments after it.

        A dump that began as pg_dumpall's must end as pg_dumpall's: each of its databases has a
        mark of its own.
        """
        return self._complete

    def feed(self, block: bytes) -> Iterator[Piece]:
        """The pieces that are complete with this block."""
        if self._copy is not None:
            self._text, self._start = block, 0
        else:
            self._text = self._text[self._start :] + block if self._start < len(self._text) else block
            self._at -= self._start
            self._start = 0
        yield from self._run()

    def finish(self) -> Iterator[Piece]:
        """What is left; raises `ArtifactCorrupt` when the stream ends inside something."""
        if self._copy is not None:
            self._text, self._start = b"", 0
        self._final = True
        yield from self._run()
        if self._copy is not None:
            raise ArtifactCorrupt(f"the dump ends inside the data of table {self._copy.table}", hint=_HINT)
        if self._start < len(self._text) or self._rows is not None:
            where = "a string, comment or function body" if not self._scanner.fresh else "a statement"
            raise ArtifactCorrupt(
                f"the dump ends inside {where} that begins on line {self._line}", hint=_HINT
            )

    def jump(self, lines: int) -> None:
        """Counts lines that were passed over."""
        self._line += lines

    def _run(self) -> Iterator[Piece]:
        while (yield from (self._mode or self._between)()):
            pass

    def _cut(self, end: int) -> tuple[bytes, int]:
        """Takes the text up to ``end`` as one piece's; gives it and its line."""
        text = self._text[self._start : end]
        line = self._line
        self._line += text.count(b"\n")
        self._start = self._at = end
        return text, line

    def _between(self) -> Generator[Piece, None, bool]:
        """Between statements: blank lines and comments, and what begins after them."""
        if self._first:
            if len(self._text) < len(_BOM) and _BOM.startswith(self._text) and not self._final:
                return False
            self._first = False
            if self._text.startswith(_BOM):
                yield Comment(*self._cut(len(_BOM)))
        end, decided = self._gap_end()
        if end > self._start:
            yield self._comment(end)
        if not decided or end == len(self._text):
            return False
        if self._text[end : end + 1] == b"\\":
            return (yield from self._command())
        self._scanner = Scanner(self.session.standard)
        self._atomic = AtomicBody(standard=self.session.standard)
        self._at = end
        self._mode = self._statement
        return True

    def _gap_end(self) -> tuple[int, bool]:
        """Where blank lines and comments end, and whether something else is known to begin there."""
        text, at = self._text, self._start
        while True:
            at = _GAP(text, at).end()  # type: ignore[union-attr]  # it matches nothing at all, too
            if text.startswith(b"/*", at):
                closed = comment_end(text, at + 2)
                if not closed:
                    return at, False
                at = closed
            elif text.startswith(b"--", at):
                return (len(text), True) if self._final else (at, False)
            else:
                return at, self._final or at + 1 < len(text) or not text.endswith((b"-", b"/"))

    def _comment(self, end: int) -> Comment:
        text, line = self._cut(end)
        if _MARK in text:
            for found in _COMMENTS(text):
                mark = _MARKS.get((found.group(1) or b"").strip())
                self._cluster = self._cluster or mark == "cluster"
                self._complete = self._complete or mark == "end" or (mark == "database" and not self._cluster)
        return Comment(text, line)

    def _command(self) -> Generator[Piece, None, bool]:
        end = self._text.find(b"\n", self._start) + 1
        if not end and not self._final:
            return False
        text, line = self._cut(end or len(self._text))
        found = _COMMAND(text)
        assert found is not None  # the text begins with a backslash
        command = found.group(1).decode("utf-8", "replace")
        self._complete = self._complete and command == "unrestrict"
        yield ClientCommand(text, line, command, found.group(2).strip())
        return True

    def _statement(self) -> Generator[Piece, None, bool]:
        text, start = self._text, self._start
        self._complete = False
        if _INSERT(text, start):
            if self.session.standard and (whole := insert.one_row(text, start)):
                yield from self._insert_rows(whole)
                return True
            if head := insert.values_head(text, start):
                yield self._begin_insert(head)
                return True
            if head := insert.default_head(text, start):
                yield from self._insert_default(head)
                return True
        while True:
            self._at, sign = self._scanner.walk(text, self._at, final=self._final)
            if not sign:
                return False
            if sign == b";" and not self._atomic.open_at(text, start, self._at):
                break
        return (yield from self._end_statement())

    def _end_statement(self) -> Generator[Piece, None, bool]:
        text, start, end = self._text, self._start, self._at
        sql = text[start : end - 1].rstrip()
        if _COPY(sql) and (found := copies_from_client(self.session.cursor(sql))):
            return (yield from self._begin_copy(sql, found[0], counted=found[1]))
        self._mode = None
        if _INSERT(sql) and (head := insert.any_head(text, start)):
            yield from self._insert_uncounted(head, end)
            return True
        whole, line = self._cut(self._line_rest(end))
        if sql:
            self.session.take(sql)
            yield Statement(whole, line, sql)
        else:
            yield Comment(whole, line)
        return True

    def _line_rest(self, at: int) -> int:
        """After the rest of the line, where it is blank; else the same place."""
        rest = _LINE_REST(self._text, at)
        return rest.end() if rest else at

    def _begin_copy(
        self, sql: bytes, table: tuple[str, ...], *, counted: bool
    ) -> Generator[Piece, None, bool]:
        rest = _COPY_LINE_REST(self._text, self._at)
        assert rest is not None  # it matches nothing at all, too
        if not rest.group(1):
            if rest.end() < len(self._text):
                raise ArtifactCorrupt(
                    f"line {self._line} has something between COPY and its data", hint=_HINT
                )
            self._at -= 1  # at the semicolon again, when the rest of the line is here
            if not self._final:
                return False
        label = self.session.label(*table)
        text, line = self._cut(rest.end())
        self._copy = CopyData(label, counted)
        self._mode = self._copying
        yield DataBegin(text, line, sql, label, copy=True)
        return True

    def _copying(self) -> Generator[Piece, None, bool]:
        copy = self._copy
        assert copy is not None  # the mode of no other time
        found = copy.read(self._text, self._start)
        if found.held:
            yield Rows(found.held, self._line, 0, found.held)
        if found.rows:
            count = newlines(found.rows)
            copy.rows += count
            yield Rows(found.rows, self._line, count if copy.counted else 0, found.rows)
            self._line += count
        self._start = self._at = found.next
        end = found.end or (copy.last() if self._final else b"")
        if not end:
            return False
        self._copy = self._mode = None
        yield DataEnd(end, self._line, copy.rows if copy.counted else None)
        self._line += end.count(b"\n")
        return True

    def _begin_insert(self, head: re.Match[bytes]) -> DataBegin:
        table = self._table(head)
        text, line = self._cut(head.end())
        self._rows = insert.RowReader(self.session.standard)
        self._mode = self._inserting
        return DataBegin(text, line, text, table, copy=False)

    def _inserting(self) -> Generator[Piece, None, bool]:
        rows = self._rows
        assert rows is not None  # the mode of no other time
        end, count, canonical = rows.read(self._text, self._start, final=self._final)
        if end > self._start:
            yield Rows(*self._cut(end), count, canonical)
        if not rows.ended:
            return False
        self._rows = self._mode = None
        yield DataEnd(*self._cut(self._line_rest(end + 1)), rows.rows)
        return True

    def _insert_rows(self, whole: re.Match[bytes] | None) -> Iterator[Piece]:
        """INSERTs of one row each, as long as they follow on one another."""
        self._mode = None
        line, one_row = self._line, insert.one_row
        while whole:
            head, rows, row, end = whole.group("head", "rows", "row", "end")
            yield DataBegin(head, line, head, self._table(whole), copy=False)
            line += head.count(b"\n")
            yield Rows(rows, line, 1, row)
            line += rows.count(b"\n")
            yield DataEnd(end, line, 1)
            line += 1
            self._start = self._at = whole.end()
            self._line = line
            whole = one_row(self._text, self._start)

    def _insert_default(self, head: re.Match[bytes]) -> Iterator[Piece]:
        """A row without columns; it is one row, and its digest says so."""
        table = self._table(head)
        end = self._text.index(b";", head.end())
        self._mode = None
        text, line = self._cut(head.end())
        yield DataBegin(text, line, text, table, copy=False)
        yield Rows(*self._cut(end), 1, b"()")
        yield DataEnd(*self._cut(self._line_rest(end + 1)), 1)

    def _insert_uncounted(self, head: re.Match[bytes], end: int) -> Iterator[Piece]:
        """``INSERT … SELECT`` and the like: only the server knows how many rows these are."""
        table = self._table(head)
        text, line = self._cut(head.end())
        yield DataBegin(text, line, text, table, copy=False)
        text, line = self._cut(end - 1)
        yield Rows(text, line, 0, text)
        yield DataEnd(*self._cut(self._line_rest(end)), None)

    def _table(self, head: re.Match[bytes]) -> str:
        key = (self.session.schema, head.group("table"))
        if key not in self._labels:
            self._labels[key] = self.session.label(*self.session.cursor(key[1]).name())
        return self._labels[key]
