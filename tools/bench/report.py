"""What was measured, beside its bar: one table for people, one JSON document for programs."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from python_backup import __version__
from support.servers import RunningServer

SECONDS, RATE, MEGABYTES = "s", "GB/s", "MB"
"""The kinds of figures; of a rate more is better."""

_DIGITS = {SECONDS: 2, RATE: 2, MEGABYTES: 0}


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: all runs of this program and, where there is one, of the stock tools.

    A ``bar`` of None is a figure for information. With stock runs the bar is on the ratio of the
    medians, else on the median itself.
    """

    what: str
    unit: str
    ours: tuple[float, ...]
    stock: tuple[float, ...] = ()
    bar: float | None = None

    @property
    def value(self) -> float:
        """What is compared with the bar."""
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.stock) if self.stock else ours

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.unit == RATE else self.value <= self.bar


def table(lines: Sequence[Measured]) -> str:
    """The lines as a Markdown table, aligned for the terminal."""
    head = ["measured", "vya-backupdb", "stock tools", "ratio", "bar", ""]
    rows = [head, *(list(_cells(line)) for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = [_row(row, widths) for row in rows]
    text.insert(
        1, "|" + "|".join("-" * (w + 1) + ("-" if i in {0, 5} else ":") for i, w in enumerate(widths)) + "|"
    )
    return "\n".join(text)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        c.ljust(w) if i in {0, 5} else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join(padded) + " |"


def _cells(line: Measured) -> Iterator[str]:
    digits = _DIGITS[line.unit]
    yield line.what
    yield f"{statistics.median(line.ours):.{digits}f} {line.unit}"
    yield f"{statistics.median(line.stock):.{digits}f} {line.unit}" if line.stock else ""
    yield f"{line.value:.2f}" if line.stock else ""
    yield _bar(line)
    yield {None: "", True: "met", False: "MISSED"}[line.met]


def _bar(line: Measured) -> str:
    if line.bar is None:
        return ""
    figure = f"{line.bar:.2f}" if line.stock else f"{line.bar:g} {line.unit}"
    return f"{'≥' if line.unit == RATE else '≤'} {figure}"


def document(facts: dict[str, str], lines: Sequence[Measured]) -> dict[str, object]:
    """The same for programs, with every single run."""
    return {
        "facts": facts,
        "lines": [{**asdict(line), "value": line.value, "met": line.met} for line in lines],
    }


def machine() -> dict[str, str]:
    """What the figures were measured on and with."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return {
        "machine": f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, Linux {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "program": f"vya-backupdb {__version__}, Python {platform.python_version()}",
        "zstd": said("zstd", "--version").split("v")[-1].split(",")[0],
    }


def server_facts(server: RunningServer, tools: tuple[str, ...], backed_up: dict[str, Any]) -> dict[str, str]:
    """The versions of one server and of the tools that it is compared with, and its database."""
    versions = ", ".join(said(f"{server.bin}/{name}", "--version") for name in tools)
    sizes = (
        f"{backed_up['rows']:,} rows, a dump of {backed_up['raw_size'] / 1e6:,.0f} MB,"
        f" stored in {backed_up['size'] / 1e6:,.0f} MB"
    )
    return {server.id: f"server {server.version}; {versions}; {sizes}"}


def said(*argv: str) -> str:
    """The first line of what a program says of itself."""
    done = subprocess.run(argv, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return next(iter(done.stdout.splitlines()), "").replace(str(Path(argv[0]).parent) + "/", "").strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
