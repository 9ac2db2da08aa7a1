"""The only place that prints: results on stdout, talk on stderr, both plain where there is no terminal.

With ``--json`` stdout gets one JSON document and nothing else. Rich is imported when something is drawn.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from python_backup.cli.stderr import on_journal, takes_json
from python_backup.errors import BackupError, StorageFailed
from python_backup.instance import Secret
from python_backup.log.events import Event
from python_backup.log.lines import prefixed, printable
from python_backup.log.tell import tell

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 12
"""Columns that are left to a cell that folds."""

_GAP = 2
"""Columns between two of a table."""

PIPE_WIDTH = 400
"""Columns where there is no terminal: rows stay whole for grep and mail."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; on a narrow terminal one that ``folds`` breaks over lines, a ``spare`` one goes."""

    title: str
    right: bool = False
    folds: bool = False
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell with a colour or a weight of Rich's."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; a row may be of plain texts or of cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    title: str = ""


GOOD, BAD, FAINT = "green", "bold red", "dim"


@dataclass
class Screen:
    """Where a command's result and talk go."""

    json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def result(self, document: Any, *drawn: Table | Cell | str) -> None:
        """The command's result: the document with ``--json``, else what is drawn."""
        if self.json:
            self.text(as_json(document))
            return
        with self._written():
            for item in drawn:
                self._draw(item)

    def text(self, text: str) -> None:
        """A result that is text already (YAML, a schema)."""
        with self._written():
            print(text.rstrip("\n"), file=self.out)

    def _told(self, error: Mapping[str, Any]) -> bool:
        """Whether the error's document could be written."""
        try:
            self.result({"error": error})
        except (StorageFailed, BrokenPipeError):
            return False
        return True

    @contextmanager
    def _written(self) -> Iterator[None]:
        """What is printed inside has reached its reader at the end."""
        yield
        self.out.flush()

    def note(self, text: str) -> None:
        """A line of talk."""
        self._say("", "", text, logging.INFO)

    def warning(self, text: str) -> None:
        """What the user should look at; the log has it too."""
        tell(Event.WARNING, text)
        self._say("warning:", "yellow", text, logging.WARNING)

    def failure(self, error: BackupError, where: str = "") -> None:
        """An error and its hint, as talk."""
        message = f"{where}: {error.message}" if where else error.message
        self._say("error:", BAD, message, logging.ERROR)
        if error.hint:
            self._say("hint:", "cyan", error.hint, logging.ERROR)

    def error(self, error: BackupError, exit_code: int) -> None:
        """The error that ends the command: as talk, or with ``--json`` as the document."""
        if not (self.json and self._told({**error_document(error), "exit_code": exit_code})):
            self.failure(error)

    def bug(self, what: str, place: str) -> None:
        """A fault of the program itself, in one line, and where its traceback is."""
        message = f"this is a fault of vya-backupdb itself: {what}"
        if not (self.json and self._told({"type": "Bug", "message": message, "hint": place, "exit_code": 1})):
            self._say("error:", BAD, message, logging.ERROR)
            self._say("hint:", "cyan", place, logging.ERROR)

    @property
    def interactive(self) -> bool:
        """Whether someone is there to answer."""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.isatty()

    def ask(self, question: str) -> str:
        """One line from the terminal; the question goes to stderr. Nothing at its end."""
        print(printable(question), end=" ", file=self.err, flush=True)
        return sys.stdin.readline().strip()

    def ask_hidden(self, question: str) -> str | None:
        """One line from the terminal that is not shown there; None where there is no terminal.

        It is asked at the terminal itself: stdin may be a pipe that brings something else.
        """
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return None
        if not self.err.isatty():
            return None
        from getpass import getpass

        try:
            return getpass(f"{printable(question)} ")
        except EOFError:
            return ""

    @cached_property
    def talk(self) -> Console:
        """Rich's console on stderr."""
        return _console(self.err)

    def _draw(self, item: Table | Cell | str) -> None:
        from rich.text import Text

        match item:
            case Table():
                self._console.print(_rich_table(item, self._console.width), crop=False)
            case Cell(text, style):
                self._console.print(Text(_lines(text), style=style), soft_wrap=True)
            case str():
                self._console.print(Text(_lines(item)), soft_wrap=True)

    @cached_property
    def _console(self) -> Console:
        return _console(self.out)

    def _say(self, word: str, style: str, text: str, level: int) -> None:
        if takes_json():
            return  # the log tells it there
        if on_journal(self.err, os.environ):
            line = prefixed(f"{word} {_lines(text)}".lstrip(), level)
            print(line, file=self.err, flush=True)
            return
        from rich.text import Text

        parts = ((word, style), " ", _lines(text)) if word else (_lines(text),)
        self.talk.print(Text.assemble(*parts), soft_wrap=True)


def error_document(error: BackupError) -> dict[str, Any]:
    """An error as ``--json`` gives it."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }


def as_json(document: Any) -> str:
    """The document as ``--json`` prints it."""
    return json.dumps(plain(document), indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Dataclasses, enums, paths and times as JSON has them; a secret never gets through."""
    for kind, made in _PLAIN.items():
        if isinstance(value, kind):
            return made(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"no JSON for {type(value).__name__}")


def _listed(values: Iterable[Any]) -> list[Any]:
    return [plain(value) for value in values]


_PLAIN: Mapping[type, Callable[[Any], Any]] = {  # the first that fits holds: an enum of texts is an enum
    Secret: lambda _: None,
    Enum: lambda value: value.value,
    PurePath: str,
    datetime: datetime.isoformat,
    Mapping: lambda value: {str(key): plain(inner) for key, inner in value.items()},
    **dict.fromkeys((type(None), bool, int, float, str), lambda value: value),
    **dict.fromkeys((list, tuple, set, frozenset), _listed),
}


def _console(file: TextIO) -> Console:
    from rich.console import Console

    width = None if file.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _widths(table: Table) -> list[int]:
    """Of each column the columns that its longest cell takes."""
    from rich.cells import cell_len

    texts = [[cell if isinstance(cell, str) else cell.text for cell in row] for row in table.rows]
    return [
        max(cell_len(column.title), *(cell_len(printable(row[i])) for row in texts), 0)
        for i, column in enumerate(table.columns)
    ]


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * max(len(widths) - 1, 0)


def _fitting(table: Table, width: int) -> Table:
    """The table without as many of its spare columns as it takes to fit, the last ones first."""
    widths = _widths(table)
    kept = list(range(len(table.columns)))
    for i in reversed(range(len(table.columns))):
        if table.columns[i].spare and _across([widths[k] for k in kept]) > width:
            kept.remove(i)
    return Table(
        [table.columns[k] for k in kept], [[row[k] for k in kept] for row in table.rows], table.title
    )


def _rich_table(whole: Table, width: int) -> Any:
    """The table for so many columns; where even folded it needs more, the terminal breaks its lines.

    Rich would leave out whole columns instead, those that fold first.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    table = _fitting(whole, width)
    least = [
        min(wide, NARROWEST) if column.folds else wide
        for column, wide in zip(table.columns, _widths(table), strict=True)
    ]
    drawn = RichTable(
        width=_across(least) if _across(least) > width else None,
        box=box.SIMPLE_HEAD,
        title=printable(table.title) or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for column, narrowest in zip(table.columns, least, strict=True):
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.folds,
            overflow="fold",
            min_width=narrowest,
        )
    for row in table.rows:
        cells = (Cell(cell) if isinstance(cell, str) else cell for cell in row)
        drawn.add_row(*(Text(printable(cell.text), style=cell.style) for cell in cells))
    return drawn


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
