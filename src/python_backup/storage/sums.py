"""Checksum files beside artifacts, as ``sha256sum -c`` and ``md5sum -c`` read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from python_backup.errors import ArtifactCorrupt

Algorithm = Literal["sha256", "md5"]
SUM_FILES: tuple[tuple[str, Algorithm], ...] = ((".sha256", "sha256"), (".md5", "md5"))
"""The suffixes behind an artifact's whole name, the better sum first."""

_DIGITS = {"sha256": 64, "md5": 32}
# coreutils: HEX, two spaces or space and "*", name; a leading "\" says that the name is escaped.
_LINE = re.compile(r"(?P<escaped>\\?)(?P<sum>[0-9a-fA-F]+)(?: [ *](?P<name>.+))?")
_BSD_LINE = re.compile(r"(?P<escaped>\\?)(?:SHA256|MD5) \((?P<name>.+)\) = (?P<sum>[0-9a-fA-F]+)")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


@dataclass(frozen=True, slots=True)
class ExpectedSum:
    """The sum that an artifact should have, in lower-case hex, and the file that says so."""

    algorithm: Algorithm
    hexdigest: str
    source: Path


def sum_line(hexdigest: str, file: str) -> bytes:
    """One line of a checksum file; ``file`` holds no backslash and no line end."""
    return f"{hexdigest}  {file}\n".encode("utf-8", "surrogateescape")


def sum_in(content: bytes, algorithm: Algorithm, path: Path) -> ExpectedSum:
    """The sum of the file ``path`` without its suffix in a checksum file's content.

    The line that names it counts; a single line counts whatever it names (the file may have been
    renamed), and so does a bare sum.

    Raises:
        ArtifactCorrupt: no such line, or no sums at all.
    """
    entries = [
        _entry(line, algorithm, path)
        for line in content.decode("utf-8", "surrogateescape").splitlines()
        if line
    ]
    named = [hexdigest for hexdigest, name in entries if name is not None and Path(name).name == path.stem]
    fitting = set(named or ([entries[0][0]] if len(entries) == 1 else []))
    if len(fitting) != 1:
        raise ArtifactCorrupt(f"{path} has no one sum for {path.stem}")
    return ExpectedSum(algorithm, fitting.pop(), path)


def _entry(line: str, algorithm: Algorithm, path: Path) -> tuple[str, str | None]:
    found = _LINE.fullmatch(line.rstrip()) or _BSD_LINE.fullmatch(line)
    if found is None or len(found["sum"]) != _DIGITS[algorithm]:
        raise ArtifactCorrupt(
            f"{path} is no list of {algorithm} sums", hint=f"Make it anew with {algorithm}sum, or remove it."
        )
    name = found["name"]
    if name is not None and found["escaped"]:
        name = re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], name)
    return found["sum"].lower(), name
