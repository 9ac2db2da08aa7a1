"""docs/logging.md beside the table of events and the code that tells them."""

import ast
import json
import logging
from collections.abc import Iterator

from python_backup.log.events import Event
from support.markdown import CHECKOUT, code, fences, read, rows, section

DOCUMENT = "docs/logging.md"
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of a function of this name in the program."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def told() -> Iterator[tuple[Event, set[str | None]]]:
    """Every event that the code tells, with the names of the fields given there."""
    for call in calls("tell"):
        fields = {keyword.arg for keyword in call.keywords}
        for node in ast.walk(call.args[0]):
            if isinstance(node, ast.Attribute):
                yield Event[node.attr], fields


def test_the_table_has_every_event_as_it_is_in_the_code() -> None:
    table = [
        (*code(event), *code(level), meaning, tuple(code(fields)))
        for event, level, meaning, fields in rows(section(read(DOCUMENT), "## Events"))
    ]
    assert table == [
        (e.label, logging.getLevelName(e.level).lower(), e.meaning.replace("``", "`"), e.fields)
        for e in Event
    ]


def test_every_event_is_told_somewhere() -> None:
    assert {event for event, _ in told()} == set(Event)


def test_no_event_is_told_with_a_field_that_is_not_in_the_table() -> None:
    explained = {"error", "type", "hint", "tried", "causes"}
    for event, fields in told():
        given = {name for name in fields if name} | (
            explained if None in fields and "error" in event.fields else set()
        )
        assert given <= set(event.fields), event.label


def test_the_table_has_every_step_that_the_code_marks() -> None:
    marked = {call.args[0].value for call in calls("timed") if isinstance(call.args[0], ast.Constant)}
    listed = [code(cells[0])[0] for cells in rows(section(read(DOCUMENT), "## Steps"))]
    assert sorted(listed) == sorted(marked)


def test_the_example_of_a_line_has_the_fields_of_the_table() -> None:
    text = section(read(DOCUMENT), "## A line")
    (example,) = [fence.text for fence in fences(text) if fence.text.startswith("{")]
    document = json.loads(example)
    listed = [code(cells[0])[0] for cells in rows(text)]
    assert list(document)[: len(listed)] == listed
    assert set(document) - set(listed) <= set(Event.STEP_ENDED.fields)
