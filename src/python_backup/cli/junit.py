"""Drills as JUnit XML, which CI services show: a suite for each drill, a case for each thing shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from python_backup.jobs.drill import DrillReport


@dataclass(frozen=True, slots=True)
class _Case:
    """What kind of thing, its name, what is wrong with it, and the seconds that it took if they are known."""

    kind: str
    name: str
    wrong: str | None = None
    seconds: float | None = None


def junit(reports: Sequence[DrillReport]) -> str:
    """The XML text; a drill that could not be done is an error, one that shows a bad backup has failures."""
    suites = ET.Element("testsuites", name="vya-backupdb drill")
    for report in reports:
        _suite(suites, report)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(suites: ET.Element, report: DrillReport) -> None:
    cases = list(_cases(report))
    failed = sum(1 for case in cases if case.wrong is not None)
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
    if report.recovery:
        properties = ET.SubElement(suite, "properties")
        for part, spent in report.recovery.items():
            ET.SubElement(properties, "property", name=f"recovery.{part}", value=f"{spent:.3f}")
    for case in cases:
        drawn = ET.SubElement(
            suite, "testcase", classname=f"{report.file.name}.{case.kind}", name=_written(case.name)
        )
        if case.seconds is not None:
            drawn.set("time", f"{case.seconds:.3f}")
        if case.wrong is not None:
            ET.SubElement(drawn, "error" if error else "failure", message=_written(case.wrong))


def _cases(report: DrillReport) -> Iterator[_Case]:
    shown = report.tables or report.objects
    yield _Case(
        "drill",
        "verdict",
        None if shown or report.verdict == "proven" else (report.reason or report.verdict),
    )
    for table in report.tables:
        wrong = f"{table.expected} rows in the backup, {table.found} restored: {table.equality}"
        bad = table.table in report.bad_tables
        yield _Case("tables", table.table, wrong if bad else None, table.seconds)
    for kind in report.objects:
        lists = (("missing", kind.missing), ("besides", kind.unexpected), ("changed", kind.changed))
        wrong = "; ".join(f"{word}: {', '.join(names)}" for word, names in lists if names)
        yield _Case("objects", kind.kind, wrong or None)
    for difference in report.differences:
        yield _Case("sequences", difference, difference)
    for check in report.checks:
        told = f"expected {check.expected}, found {check.found}"
        yield _Case("checks", check.sql, None if check.ok else told)


def _written(text: str) -> str:
    """The text without what XML 1.0 cannot hold: control characters and lone surrogates."""
    return "".join(
        c if c in "\t\n\r" or (c >= "\x20" and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text
    )
