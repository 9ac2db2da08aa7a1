"""Progress where there is a terminal, and where there is none."""

import io
import re
import time
from datetime import datetime

import pytest

from python_backup.cli.progress import BarProgress, LogProgress, SilentProgress, progress_on
from python_backup.cli.render import Screen

NOW = datetime(2026, 1, 13, 15, 54, 40)  # noqa: DTZ001 - a log's local time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_step_ends_with_a_line_of_what_it_did() -> None:
    lines: list[str] = []
    clock = Clock()
    with LogProgress(lines.append, clock=clock, now=lambda: NOW).step("dns_db", total=2_000_000) as step:
        step.advance(1_000_000)
        clock.now = 2.0
        step.advance(1_000_000)
    assert lines == ["2026-01-13 15:54:40 dns_db: done, 2.00 MB, 1.00 MB/s, 2.00 s"]


def test_a_line_comes_every_so_often_even_when_nothing_moves() -> None:
    lines: list[str] = []
    with LogProgress(lines.append, every=0.01).step("dns_db"):
        deadline = time.monotonic() + 10
        while len(lines) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
    assert len(lines) >= 4
    assert all(re.search(r" dns_db: 0\.\d\d s$", line) for line in lines[:3])


def test_where_the_total_is_known_the_time_left_is_said() -> None:
    lines: list[str] = []
    clock = Clock()
    with LogProgress(lines.append, every=0.01, clock=clock, now=lambda: NOW).step(
        "t", total=10, unit="tables"
    ) as s:
        clock.now = 4.0
        s.advance(4)
        deadline = time.monotonic() + 10
        while not any("4 tables" in line for line in lines) and time.monotonic() < deadline:
            time.sleep(0.005)
    assert "2026-01-13 15:54:40 t: 4 tables, 4.00 s, 40 %, 6.00 s left" in lines


def test_a_step_that_fails_does_not_say_done() -> None:
    lines: list[str] = []
    with pytest.raises(KeyError), LogProgress(lines.append).step("dns_db"):
        raise KeyError
    assert lines == []


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
