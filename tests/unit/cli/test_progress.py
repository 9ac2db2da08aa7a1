"""Progress where there is a terminal, and where there is none."""

import io
import logging
import re
import time

import pytest

from python_backup.cli.progress import BarProgress, LogProgress, SilentProgress, progress_on
from python_backup.cli.render import Screen
from python_backup.log.events import Event
from python_backup.log.tell import about


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(records: list[logging.LogRecord]) -> list[str]:
    return [record.getMessage() for record in records if record.__dict__["event"] is Event.STEP_PROGRESS]


def test_a_line_comes_every_so_often_even_when_nothing_moves(records: list[logging.LogRecord]) -> None:
    with about(database="shop"), LogProgress(every=0.01).step("dns_db"):
        deadline = time.monotonic() + 10
        while len(records) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
    assert len(told(records)) >= 3
    assert all(re.fullmatch(r"dns_db: 0\.\d\d s", line) for line in told(records)[:3])
    assert {record.__dict__["around"]["database"] for record in records} == {"shop"}


def test_where_the_total_is_known_the_time_left_is_said(records: list[logging.LogRecord]) -> None:
    clock = Clock()
    with LogProgress(every=0.01, clock=clock).step("t", total=10, unit="tables") as step:
        clock.now = 4.0
        step.advance(4)
        deadline = time.monotonic() + 10
        while not any("4 tables" in line for line in told(records)) and time.monotonic() < deadline:
            time.sleep(0.005)
    assert "t: 4 tables, 4.00 s, 40 %, 6.00 s left" in told(records)


def test_a_step_that_is_quick_says_nothing(records: list[logging.LogRecord]) -> None:
    with LogProgress().step("dns_db") as step:
        step.advance(1)
    assert records == []


def test_bars_are_drawn_and_taken_away_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    err = Terminal()
    progress = BarProgress(Screen(err=err))
    with progress.step("a\x1b[name]", total=100) as first, progress.step("inner", unit="tables") as second:
        first.advance(50)
        second.advance(1)
        progress.note("talk above the bars")
        with progress.paused():
            err.write("QUESTION")
    text = err.getvalue()
    assert "a\\x1b[name]" in text
    assert "talk above the bars" in text
    assert text.index("QUESTION") > text.index("talk")
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text  # the cursor is shown again
    with progress.step("again") as third:
        third.advance(1)


@pytest.mark.parametrize(
    ("as_json", "err", "expected"),
    [
        (True, Terminal(), SilentProgress),
        (False, Terminal(), BarProgress),
        (False, io.StringIO(), LogProgress),
    ],
)
def test_the_progress_fits_where_the_talk_goes(as_json: bool, err: io.StringIO, expected: type) -> None:
    assert type(progress_on(Screen(json=as_json, err=err))) is expected


def test_the_silent_one_shows_no_steps_but_says_warnings() -> None:
    err = io.StringIO()
    progress = SilentProgress(Screen(json=True, err=err))
    with progress.step("x") as step, progress.paused():
        step.advance(1)
    progress.note("look")
    assert err.getvalue() == "look\n"


@pytest.mark.parametrize("err", [Terminal(), io.StringIO()])
def test_what_was_noted_is_in_the_log(err: io.StringIO, records: list[logging.LogRecord]) -> None:
    progress_on(Screen(err=err)).note("put back")
    assert [(r.__dict__["event"], r.getMessage()) for r in records] == [(Event.NOTE, "put back")]
