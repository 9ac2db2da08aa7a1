"""Where in a backup in parts a line of its joined stream is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from python_backup.stream.artifact import read_artifact

_LINE = re.compile(r"\bline (\d+)\b")


def placed(folder: Path, files: Iterable[Path], message: str) -> str:
    """The message with its first line number as the part's: ``data/00002_a.sql.zst, line 7: …``.

    ``files`` are those of the folder's that were read, in their order.
    """
    found = _LINE.search(message)
    if found is None:
        return message
    line = int(found[1])
    for file in files:
        ends = sum(block.count(b"\n") for block in read_artifact(file))
        if line <= ends:
            place = f"{file.relative_to(folder)}, line {line}"
            return message[: found.start()] + place + message[found.end() :]
        line -= ends
    return message
