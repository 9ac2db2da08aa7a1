"""The three kinds of lines."""

import json
import logging
from pathlib import Path

import pytest

from python_backup.instance import Secret
from python_backup.log.events import Event
from python_backup.log.lines import JournalLine, JsonLine, TextLine, prefixed, printable
from python_backup.log.scrub import Scrubber
from python_backup.log.tell import about, tell

Records = list[logging.LogRecord]


@pytest.fixture
def scrubber() -> Scrubber:
    secret = Secret(lambda: "s3cr3t")
    secret.reveal()
    return Scrubber([secret])


def test_a_json_line_is_one_object_with_all_that_is_known(records: Records, scrubber: Scrubber) -> None:
    with about(run="r1", instance="web", database="a\nb\udcff", step="dump"):
        tell(Event.DATABASE_FAILED, "it said s3cr3t", error="s3cr3t", causes=("x", "s3cr3t"), seconds=1.5)
    line = JsonLine(scrubber).format(records[0]).encode("utf-8", "backslashreplace")
    document = json.loads(line)
    assert b"\n" not in line
    assert document.pop("time").count(":") == 3  # with the zone
    assert document == {
        "level": "error", "event": "database.failed", "run": "r1", "instance": "web",
        "database": "a\nb\udcff", "step": "dump", "message": "it said ***", "error": "***",
        "causes": ["x", "***"], "seconds": 1.5,
    }  # fmt: skip


def test_a_text_line_is_for_people(records: Records, scrubber: Scrubber) -> None:
    with about(run="r1", instance="web", database="shop"):
        tell(Event.DATABASE_DONE, "backed up", path=Path("/b/a b"), rows=3, errors=("s3cr3t",))
    line = TextLine(scrubber).format(records[0])
    assert line.split(" ", 2)[2] == 'info    [r1 web/shop] backed up path="/b/a b" rows=3 errors=["***"]'


def test_no_name_can_fake_a_line(records: Records, scrubber: Scrubber) -> None:
    with about(run="r1", database="x\n2026-01-01 00:00:00 info all is well"):
        tell(Event.NOTE, "a\nb\x1b[2J", path="c\nd")
    assert "\n" not in TextLine(scrubber).format(records[0])
    assert "\x1b" not in TextLine(scrubber).format(records[0])


def test_the_journal_gets_a_priority_on_each_line_and_no_time(records: Records, scrubber: Scrubber) -> None:
    tell(Event.RUN_CRASHED, "KeyError: 's3cr3t'", traceback="Traceback:\n  s3cr3t\n")
    assert JournalLine(scrubber).format(records[0]).splitlines() == [
        "<3>KeyError: '***'",
        "<3>  Traceback:",
        "<3>    ***",
    ]


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3)],
)
def test_levels_are_those_of_syslog(level: int, priority: int) -> None:
    assert prefixed("a\nb", level) == f"<{priority}>a\n<{priority}>b"


def test_printable_shows_what_would_move_the_cursor() -> None:
    assert printable("a\x1b[31m\nü日\u202e\udcff") == "a\\x1b[31m\\nü日\\u202e\\udcff"
