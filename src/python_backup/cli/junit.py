"""Drills as JUnit XML, which CI services show: a suite for each drill, a case for each thing shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from python_backup.jobs.drill import DrillReport

Case = tuple[str, str, str | None]
"""What kind of thing, its name, and what is wrong with it."""


def junit(reports: Sequence[DrillReport]) -> str:
    """The XML text; a drill that could not be done is an error, one that shows a bad backup has failures."""
    suites = ET.Element("testsuites", name="vya-backupdb drill")
    for report in reports:
        _suite(suites, report)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: ET.Element, report: DrillReport) -> None:
    cases = list(_cases(report))
    failed = sum(1 for _, _, wrong in cases if wrong is not None)
    error = report.verdict == "error"
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=report.file.name,
        timestamp=report.started.isoformat(timespec="seconds"),
        tests=str(len(cases)),
        failures=str(0 if error else failed),
        errors=str(failed if error else 0),
        time=f"{sum(report.seconds.values()):.3f}",
    )
    for kind, name, wrong in cases:
        case = ET.SubElement(suite, "testcase", classname=f"{report.file.name}.{kind}", name=_written(name))
        if wrong is not None:
            ET.SubElement(case, "error" if error else "failure", message=_written(wrong))


def _cases(report: DrillReport) -> Iterator[Case]:
    shown = report.tables or report.objects
    yield (
        "drill",
        "verdict",
        None if shown or report.verdict == "proven" else (report.reason or report.verdict),
    )
    for table in report.tables:
        wrong = f"{table.expected} rows in the backup, {table.found} restored: {table.equality}"
        yield "tables", table.table, wrong if table.table in report.bad_tables else None
    for kind in report.objects:
        lists = (("missing", kind.missing), ("besides", kind.unexpected), ("changed", kind.changed))
        wrong = "; ".join(f"{word}: {', '.join(names)}" for word, names in lists if names)
        yield "objects", kind.kind, wrong or None
    for difference in report.differences:
        yield "sequences", difference, difference
    for check in report.checks:
        yield "checks", check.sql, None if check.ok else f"expected {check.expected}, found {check.found}"


def _written(text: str) -> str:
    """The text without what XML 1.0 cannot hold: control characters and lone surrogates."""
    return "".join(
        c if c in "\t\n\r" or (c >= "\x20" and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text
    )
