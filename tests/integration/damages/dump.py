"""A dump of the sample, and the ways to write it otherwise; each way must find what it is to change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from python_backup.dump.piece import DataBegin, Statement
from python_backup.dump.table import DIALECTS
from python_backup.jobs.reading import pieces_of

Change = Callable[[list[bytes]], list[bytes]]
"""Gives other rows of a table, each as the dump writes it."""

_DATA = {
    "mysql": rb"(INSERT INTO `%s` VALUES\s*)(.*?)(;\n)",
    "postgresql": rb"(COPY public\.%s \([^)]*\) FROM stdin;\n)(.*?)(\\\.\n)",
}
_ROW = re.compile(rb"\((?:[^'()]|'(?:[^'\\]|\\.)*')*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Dump:
    """The text of one dump; ``family`` as in `python_backup.dump.dialect.Header`."""

    content: bytes
    family: str

    @property
    def null(self) -> str:
        """How NULL is written."""
        return "NULL" if self.family == "mysql" else r"\N"

    @property
    def row_end(self) -> str:
        """What ends the last row of a table."""
        return "');\n" if self.family == "mysql" else "\n\\.\n"

    @property
    def comments(self) -> bytes:
        """What is no statement, the tool's end mark among it."""
        return b"\n".join(line for line in self.content.splitlines() if line.startswith(b"--")) + b"\n\n"

    def cell(self, text: str | None) -> str:
        """How a text, or NULL, is written between two other values."""
        if self.family == "mysql":
            return ",NULL," if text is None else f",'{text}',"
        return f"\t{self.null if text is None else text}\t"

    def replaced(self, old: str, new: str, times: int = 1) -> Dump:
        """With other bytes where these stand, just so many times."""
        found = self.content.count(old.encode())
        assert found == times, f"{old!r} stands {found} times in the dump"
        return replace(self, content=self.content.replace(old.encode(), new.encode()))

    def everywhere(self, old: str, new: str) -> Dump:
        """With other bytes wherever these stand."""
        assert old.encode() in self.content
        return replace(self, content=self.content.replace(old.encode(), new.encode()))

    def rows(self, table: str, change: Change) -> Dump:
        """With other rows in this table; none leaves the statement out, or the COPY without any."""
        mysql = self.family == "mysql"
        found = re.search(_DATA[self.family] % table.encode(), self.content, re.DOTALL)
        assert found is not None, f"there is no data of {table}"
        before = _ROW.findall(found[2]) if mysql else found[2].splitlines(keepends=True)
        after = change(list(before))
        assert after != before
        data = found[1] + (b",\n" if mysql else b"").join(after) + found[3]
        if mysql and not after:
            data = b""
        return replace(self, content=self.content[: found.start()] + data + self.content[found.end() :])

    def without(self, pattern: str, times: int = 1) -> Dump:
        """Without the statements that this is found in."""
        return self._statements(pattern, times, lambda _: b"")

    def edited(self, pattern: str, new: str, times: int = 1) -> Dump:
        """With what is found in statements written otherwise."""
        return self._statements(
            pattern, times, lambda text: re.sub(pattern.encode(), new.encode(), text, flags=re.DOTALL)
        )

    def before(self, pattern: str, statement: str) -> Dump:
        """With another statement before the one that this is found in."""
        return self._statements(pattern, 1, lambda text: self._led(text, statement))

    def _led(self, text: bytes, statement: str) -> bytes:
        """The statement behind another that ends as it does: the client's delimiter may not be ``;``."""
        end = b";;\n" if text.rstrip().endswith(b";;") else b";\n"
        return b"\n" + statement.encode() + b" " + end + text.lstrip(b"\n")

    def swapped(self, one: str, other: str) -> Dump:
        """With two statements in each other's place."""
        texts: dict[str, bytes] = {}
        for pattern in (one, other):
            self._statements(pattern, 1, lambda text, pattern=pattern: texts.setdefault(pattern, text) + b" ")
        first, second = texts[one], texts[other]
        changed = self.content.replace(first, b"\0", 1).replace(second, first, 1).replace(b"\0", second, 1)
        return replace(self, content=changed)

    def cut_behind(self, text: str) -> Dump:
        """Ended there, with the tool's end mark put back."""
        head, found, tail = self.content.partition(text.encode())
        assert found
        return replace(self, content=head + found + b"\n" + self._trailer(tail))

    def _trailer(self, tail: bytes) -> bytes:
        if self.family == "mysql":
            return tail[tail.rindex(b"\n-- Dump completed") :]
        return tail[tail.rindex(b"\n--\n-- PostgreSQL database dump complete") :]

    def _statements(self, pattern: str, times: int, change: Callable[[bytes], bytes]) -> Dump:
        texts: list[bytes] = []
        found = 0
        for piece in pieces_of([self.content], DIALECTS[self.family].lexer()):
            fits = isinstance(piece, Statement | DataBegin) and re.search(
                pattern.encode(), piece.sql, re.DOTALL
            )
            found += bool(fits)
            texts.append(change(piece.text) if fits else piece.text)
        assert found == times, f"{pattern!r} is found in {found} statements"
        assert b"".join(texts) != self.content
        return replace(self, content=b"".join(texts))


def without_rows(*which: int) -> Change:
    """Leaves out the rows of these places."""
    return lambda rows: [row for at, row in enumerate(rows) if at not in {w % len(rows) for w in which}]


def with_rows(*which: int) -> Change:
    """The rows of these places, in this order."""
    return lambda rows: [rows[at] for at in which]


def in_row(at: int, old: str | bytes, new: str | bytes) -> Change:
    """Another value in one row."""
    before, after = (x.encode() if isinstance(x, str) else x for x in (old, new))

    def change(rows: list[bytes]) -> list[bytes]:
        assert rows[at].count(before) == 1, rows[at]
        rows[at] = rows[at].replace(before, after)
        return rows

    return change


def swapped(one: tuple[int, bytes], other: tuple[int, bytes]) -> Change:
    """Two rows, by their places, with each other's value."""
    (here, first), (there, second) = one, other
    return lambda rows: in_row(there, second, first)(in_row(here, first, second)(rows))
