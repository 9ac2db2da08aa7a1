"""Events, what they are about, and the steps."""

import logging
from contextvars import Context
from typing import Any

import pytest

from python_backup.errors import BackupError, ConnectionFailed
from python_backup.log.events import Event
from python_backup.log.tell import about, explained, tell, timed
from python_backup.stream.apart import apart

Records = list[logging.LogRecord]


def told(records: Records) -> list[tuple[Event, dict[str, Any]]]:
    return [(record.__dict__["event"], record.__dict__["given"]) for record in records]


def test_a_line_knows_what_it_is_about(records: Records) -> None:
    def lines() -> None:
        with about(run="r", instance="web"), about(database="shop", step=None):
            tell(Event.NOTE, "inside")
        tell(Event.NOTE, "outside")

    Context().run(lines)  # nothing is around it: a test that a signal ends may leave its own behind
    assert [dict(record.__dict__["around"]) for record in records] == [
        {"run": "r", "instance": "web", "database": "shop"},
        {},
    ]


def test_what_a_thread_of_the_pipeline_tells_is_about_the_same_database(records: Records) -> None:
    def blocks() -> Any:
        tell(Event.NOTE, "from the thread")
        yield b""

    with about(database="shop"), apart(blocks()) as passed:
        list(passed)
    assert records[0].__dict__["around"]["database"] == "shop"


def test_fields_that_hold_nothing_are_left_out(records: Records) -> None:
    tell(Event.STEP_ENDED, "x", seconds=0.0, rows=0, bytes=None, path="", errors=())
    assert told(records) == [(Event.STEP_ENDED, {"seconds": 0.0, "rows": 0})]


def test_a_step_is_marked_at_both_ends(records: Records) -> None:
    seconds: dict[str, float] = {}
    with timed("dump", seconds) as fields:
        fields["bytes"] = 7
    (begun, _), (ended, found) = told(records)
    assert (begun, ended) == (Event.STEP_STARTED, Event.STEP_ENDED)
    assert found == {"seconds": round(seconds["dump"], 3), "bytes": 7}
    assert {record.__dict__["around"]["step"] for record in records} == {"dump"}


def test_an_error_knows_the_steps_that_were_tried_and_its_causes(records: Records) -> None:
    seconds: dict[str, float] = {}
    with pytest.raises(ConnectionFailed) as caught, timed("safety", seconds), timed("connect", seconds):
        raise ConnectionFailed("cannot connect to db:1", hint="Check host.") from OSError("refused")
    assert explained(caught.value) == {
        "error": "cannot connect to db:1",
        "type": "ConnectionFailed",
        "hint": "Check host.",
        "tried": "safety > connect",
        "causes": ("OSError: refused",),
    }
    assert set(seconds) == {"safety", "connect"}
    failed = [given for event, given in told(records) if event is Event.STEP_FAILED]
    assert [given["error"] for given in failed] == ["cannot connect to db:1"] * 2


def test_a_step_that_a_signal_ends_is_told_too(records: Records) -> None:
    with pytest.raises(KeyboardInterrupt), timed("load"):
        raise KeyboardInterrupt
    assert told(records)[-1][0] is Event.STEP_FAILED


def test_an_error_outside_of_any_step_is_explained_as_well() -> None:
    assert explained(BackupError("x"))["tried"] == ""


def test_labels_are_unique_and_speak_in_two_parts_at_most() -> None:
    labels = [event.label for event in Event]
    assert len(set(labels)) == len(labels)
    assert all(label.count(".") <= 1 and label.islower() for label in labels)
