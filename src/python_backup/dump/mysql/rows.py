r"""Counts the rows of INSERT statements as they stream by, and brings them into canonical form.

Canonical are the rows with nothing but a comma between them, so that a row a line (mariadb-dump
10.7 and later) and one line (mysqldump) give the same bytes.

Two ways. `TrustedRows` relies on what mysqldump and mariadb-dump do: they escape every NUL,
newline, carriage return, backslash, quote, double quote and 0x1a in strings
(``mysql_real_escape_string``), and write no white space but a newline between rows. It looks at the
data with a few passes of C-speed byte operations. `ExactRows` reads tokens and takes any INSERT.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from python_backup.dump.mysql.modes import SqlModes

_NAME = rb"(?:`(?:[^`]|``)*+`|\"(?:[^\"]|\"\")*+\"|[\w$\x80-\xff]++)"
_INSERT = (
    rb"(?is)(?:INSERT|REPLACE)\s++(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE)\s++)*+(?:INTO\s*+)?"
    rb"(?:" + _NAME + rb"\s*+\.\s*+)?(?P<table>" + _NAME + rb")"
)
UNCOUNTED_HEAD = re.compile(_INSERT)
"""Any INSERT or REPLACE, up to its table."""
HEAD = re.compile(
    _INSERT + rb"\s*+(?:PARTITION\s*+\([^()]*+\)\s*+)?"
    rb"(?:\((?:[^()`\"']|`(?:[^`]|``)*+`|\"(?:[^\"]|\"\")*+\")*+\)\s*+)?VALUES?\s*+(?=\()"
)
"""One whose rows are data: up to the first bracket."""

_NOT_MARKS = bytes(c for c in range(256) if c not in b"')")
_NOT_ESCAPES = bytes(c for c in range(0x80) if c not in b"')\\0nrZ\"")  # mysqldump also escapes 0xc2 … 0xf4
_SAMPLE = 4096
_HELD_BACK = 4
_TRUSTED_END = re.compile(rb";\n")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was read of the data: up to ``end`` in the buffer, ``rows`` of which ended in it.

    ``ended`` tells that the statement's delimiter stands at ``end``. ``lines`` are the newlines.
    """

    end: int
    ended: bool
    rows: int
    lines: int
    canonical: bytes


class TrustedRows:
    """The rows of one INSERT that mysqldump or mariadb-dump wrote."""

    __slots__ = ("_in_string", "_row_a_line", "counted")

    def __init__(self) -> None:
        self.counted = True
        self._row_a_line = False
        self._in_string = False

    def scan(self, buffer: bytes, at: int, *, final: bool = False) -> Stretch | None:  # noqa: ARG002 - as `ExactRows` has it
        """Reads what can be read from ``at``; None where more bytes are needed first."""
        found = _TRUSTED_END.search(buffer, at)
        end = found.start() if found else self._cut(buffer, at)
        if end <= at:
            return None
        text = buffer[at:end]
        if self._row_a_line or b"\n" in text:
            self._row_a_line = True
            canonical = text.replace(b"\n", b"")
            lines = len(text) - len(canonical)
            return Stretch(end, found is not None, lines + (found is not None), lines, canonical)
        return Stretch(end, found is not None, self._ends(text), 0, text)

    @staticmethod
    def _cut(buffer: bytes, at: int) -> int:
        """Where to stop so that no delimiter or escape is cut in two, and no row from its newline."""
        end = len(buffer) - _HELD_BACK
        if buffer.endswith(b"),", at, max(end, at)):
            return end - 2
        if buffer.endswith(b")", at, max(end, at)):
            return end - 1
        if buffer.endswith(b"\\", at, max(end, at)):
            text = buffer[at:end]
            return end - (len(text) - len(text.rstrip(b"\\"))) % 2
        return end

    def _ends(self, text: bytes) -> int:
        """How many ``)`` stand outside strings: each ends a row, for the tools write no other there.

        Quotes toggle, so a pair with nothing between them can go. To drop what no escape is made of
        before the escapes is faster, unless it leaves most of the text (binary data).
        """
        if b"\\" in text:
            if len(text[:_SAMPLE].translate(None, _NOT_ESCAPES)) < min(len(text), _SAMPLE) // 2:
                text = text.translate(None, _NOT_ESCAPES)
            text = text.replace(b"\\\\", b"").replace(b"\\'", b"")
        pieces = text.translate(None, _NOT_MARKS).replace(b"''", b"").split(b"'")
        outside = pieces[1::2] if self._in_string else pieces[::2]
        if len(pieces) % 2 == 0:
            self._in_string = not self._in_string
        return sum(map(len, outside))


@dataclass(frozen=True, slots=True)
class _Patterns:
    row: re.Pattern[bytes]
    stop: re.Pattern[bytes]
    inside: dict[bytes, re.Pattern[bytes]]


def string_pattern(mark: bytes, *, escapes: bool) -> bytes:
    """A pattern for what may stand in a string or name up to its closing mark, as far as it goes."""
    if escapes:
        return rb"(?:[^" + mark + rb"\\]++|\\.)*+"
    return rb"[^" + mark + rb"]*+"


@lru_cache(maxsize=32)
def _patterns(delimiter: bytes, escapes: bool, ansi: bool) -> _Patterns:  # noqa: FBT001 - a cache key
    single = string_pattern(b"'", escapes=escapes)
    double = string_pattern(b'"', escapes=escapes and not ansi)
    first = re.escape(delimiter[:1])
    plain = (
        rb"[^'\"`()#/\-\\" + first + rb"]++|'" + single + rb"'|\"" + double + rb"\""
        rb"|(?!" + re.escape(delimiter) + rb")(?:-(?!-)|/(?!\*))"
    )
    row = rb"\((?:" + plain + rb"|\((?:" + plain + rb")*+\))*+\)"
    stop = rb"(?P<end>" + re.escape(delimiter) + rb")|['\"`()]|\s++|#|--(?=[\x00-\x20])|/\*(?:M?!)?"
    return _Patterns(
        re.compile(row, re.DOTALL),
        re.compile(stop),
        {
            b"'": re.compile(single, re.DOTALL),
            b'"': re.compile(double, re.DOTALL),
            b"`": re.compile(string_pattern(b"`", escapes=False)),
        },
    )


_COMMENT_ENDS = {b"#": b"\n", b"--": b"\n", b"/*": b"*/"}
_BETWEEN = re.compile(rb"\s*+,\s*+(?=\()")


class ExactRows:
    """The rows of one INSERT, whoever wrote it; holds no more than its place in the syntax.

    ``counted`` turns False where more than rows follow (``ON DUPLICATE KEY UPDATE``).
    """

    __slots__ = ("_delimiter", "_depth", "_inside", "_kept", "_patterns", "counted")

    def __init__(self, delimiter: bytes, modes: SqlModes) -> None:
        self.counted = True
        self._patterns = _patterns(delimiter, modes.backslash_escapes, modes.ansi_quotes)
        self._delimiter = delimiter
        self._depth = 0
        self._inside = b""
        self._kept: list[bytes] = []

    def scan(self, buffer: bytes, at: int, *, final: bool = False) -> Stretch | None:
        """Reads what can be read from ``at``; None where more bytes are needed first."""
        begin, rows, ended = at, 0, False
        while True:
            if self._inside:
                stop = self._leave(buffer, at, final=final)
            elif self._depth == 0 and (match := self._patterns.row.match(buffer, at)):
                rows += 1
                stop = match.end()
                self._kept.append(match.group())
                if between := _BETWEEN.match(buffer, stop):
                    stop = between.end()
                    self._kept.append(b",")
            else:
                stop, ended, closed = self._step(buffer, at, final=final)
                rows += closed
            if ended or stop == at:
                break
            at = stop
        canonical = b"".join(self._kept)
        self._kept.clear()
        if at == begin and not ended:
            return None
        return Stretch(at, ended, rows, buffer.count(b"\n", begin, at), canonical)

    def _leave(self, buffer: bytes, at: int, *, final: bool) -> int:
        """Goes on inside a string or comment, past its end where that is in the buffer."""
        close = _COMMENT_ENDS.get(self._inside)
        if close is None:
            stop = self._through_string(buffer, at)
        else:
            found = buffer.find(close, at)
            stop = found + len(close) if found >= 0 else max(at, len(buffer) - (0 if final else 1))
            if found >= 0:
                self._inside = b""
        if self._depth or close is None:
            self._kept.append(buffer[at:stop])
        return stop

    def _through_string(self, buffer: bytes, at: int) -> int:
        match = self._patterns.inside[self._inside].match(buffer, at)
        stop = match.end() if match else at
        if buffer.startswith(self._inside, stop):
            self._inside = b""
            stop += 1
        return stop

    def _step(self, buffer: bytes, at: int, *, final: bool) -> tuple[int, bool, int]:
        """One token outside strings: where it ends, whether it is the delimiter, rows closed."""
        match = self._patterns.stop.search(buffer, at)
        held = 0 if final else max(len(self._delimiter), 4) - 1
        safe = max(at, len(buffer) - held)
        if match is None or match.start() > safe:
            self._kept.append(buffer[at:safe])
            return safe, False, 0
        start, token = match.start(), match.group()
        before = buffer[at:start]
        self._kept.append(before)
        if self._depth == 0 and before.strip(b","):
            self.counted = False
        if match["end"] is not None:
            return start, start == at, 0
        if self._depth == 0 and token == b"(" and start > at:
            return start, False, 0  # stop before it, so that the whole row is tried next
        if token.isspace():
            if self._depth:
                self._kept.append(token)
            return match.end(), False, 0
        return match.end(), False, self._enter(token)

    def _enter(self, token: bytes) -> int:
        """Takes up a bracket, or the beginning of a string or comment; 1 when it closes a row."""
        closed = 0
        if token == b"(":
            self._depth += 1
        elif token == b")":
            self._depth -= 1
            closed = int(self._depth == 0)
        elif not token.endswith(b"!"):
            self._inside = token
        if self._depth or closed or token not in _COMMENT_ENDS:
            self._kept.append(token)
        if self._depth == 0 and not closed and token not in _COMMENT_ENDS:
            self.counted = False
        return closed
