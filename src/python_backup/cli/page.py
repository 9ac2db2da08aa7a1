"""Drills as one HTML page: self-contained, readable on a phone, printable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from python_backup.cli import words
from python_backup.cli.drilled import recovery

if TYPE_CHECKING:
    from python_backup.jobs.drill import DrillReport

STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #c62828; --line: #8884 }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; overflow-wrap: anywhere }
section { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: 0 1rem 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left }
td.n, th.n { font-variant-numeric: tabular-nums; text-align: right }
.good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #ff8a80 } }
@media print { section { break-inside: avoid-page } body { max-width: none } }
"""


def page(reports: Sequence[DrillReport]) -> str:
    """The page's text."""
    proven = sum(report.verdict == "proven" for report in reports)
    head = f"{proven} of {words.plural(len(reports), 'drill')} proven"
    return (
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(head)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(head)}</h1>\n"
            + "".join(part for report in reports for part in _section(report))
            + "</body>\n</html>\n"
        )
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _section(report: DrillReport) -> Iterator[str]:
    good = "good" if report.verdict == "proven" else "bad"
    yield f'<section>\n<h2>{escape(report.file.name)}: <span class="{good}">{report.verdict}</span></h2>\n'
    if report.reason:
        yield f'<p class="bad">{escape(report.reason)}</p>\n'
    if report.hint:
        yield f"<p>{escape(report.hint)}</p>\n"
    facts = {
        "database": report.database,
        "server": report.server,
        "begun": words.moment(report.started),
        "time to recover": recovery(report),
        "steps": ", ".join(f"{name} {words.duration(spent)}" for name, spent in report.seconds.items()),
    }
    yield _table(("", ""), [(name, value) for name, value in facts.items() if value])
    yield _table(("table", "#rows", "#restored", "#bytes", "#time", ""), list(_tables(report)))
    yield _table(("objects", "#in the backup", "#restored", ""), list(_objects(report)))
    yield _table(
        ("check", "expected", "found", ""),
        [
            (c.sql, c.expected, c.found, _mark("ok" if c.ok else "not as expected", good=c.ok))
            for c in report.checks
        ],
    )
    yield "</section>\n"


def _tables(report: DrillReport) -> Iterator[tuple[str, ...]]:
    for table in report.tables:
        mark = _mark(table.equality, good=table.table not in report.bad_tables)
        rows = words.number(table.expected), words.number(table.found)
        yield table.table, *rows, words.size(table.size), words.duration(table.seconds), mark


def _objects(report: DrillReport) -> Iterator[tuple[str, ...]]:
    for kind in report.objects:
        mark = _mark("equal" if kind.equal else "differs", good=kind.equal)
        yield kind.kind.replace("_", " "), words.number(kind.expected), words.number(kind.found), mark


class _Marked(str):
    """Text that is HTML already."""

    __slots__ = ()


def _mark(text: str, *, good: bool) -> _Marked:
    return _Marked(f'<span class="{"good" if good else "bad"}">{escape(text)}</span>')


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, or nothing where it has no rows; a title with ``#`` heads numbers."""
    if not rows:
        return ""
    kinds = [' class="n"' if title.startswith("#") else "" for title in titles]
    head = "".join(
        f"<th{kind}>{escape(title.lstrip('#'))}</th>" for title, kind in zip(titles, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{cell if isinstance(cell, _Marked) else escape(cell)}</td>"
            for cell, kind in zip(row, kinds, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}</table></div>\n'
