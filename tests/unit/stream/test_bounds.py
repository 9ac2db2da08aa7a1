"""A child that writes nothing is looked after, and given up."""

from __future__ import annotations

import os
import time

import pytest

from python_backup.errors import ToolFailed
from python_backup.stream.bounds import Silence
from python_backup.stream.child import Command, running
from python_backup.stream.ending import Ending


def shell(script: str) -> Command:
    return Command(("/bin/sh", "-c", script), {"PATH": os.defpath})


def well(ending: Ending) -> None:
    assert ending.returncode == 0


@pytest.mark.parametrize("script", ["sleep 60", "echo some; sleep 60", "exec >&-; sleep 60"])
def test_one_that_falls_silent_is_ended_and_may_be_tried_again(script: str) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(ToolFailed, match=r"sh wrote nothing for 0\.4 s \(idle_timeout\)") as caught,
        running(shell(script), silence=Silence(0.4)) as child,
    ):
        list(child.blocks(well))
    assert (caught.value.transient, time.monotonic() - begun < 5) == (True, True)
    assert "idle_timeout" in (caught.value.hint or "")


@pytest.mark.parametrize("stream", ["1", "2"])
def test_one_that_writes_now_and_then_is_not(stream: str) -> None:
    with running(
        shell(f"for n in 1 2 3 4; do sleep 0.25; echo $n >&{stream}; done"), silence=Silence(0.8)
    ) as child:
        list(child.blocks(well))


def test_a_reader_that_takes_its_time_is_no_silence() -> None:
    with running(shell("echo a; exec cat /dev/zero | head -c 3000000"), silence=Silence(0.3)) as child:
        for _ in child.blocks(well):
            time.sleep(0.4)


def test_a_watch_is_asked_every_second_and_may_end_it() -> None:
    asked: list[float] = []

    def watch(quiet: float) -> None:
        asked.append(quiet)
        if quiet > 2:
            raise ToolFailed("waits for a lock")

    begun = time.monotonic()
    with (
        pytest.raises(ToolFailed, match="waits for a lock"),
        running(shell("sleep 60"), silence=Silence(watch=watch)) as child,
    ):
        list(child.blocks(well))
    assert [int(quiet) for quiet in asked] == [1, 2]
    assert time.monotonic() - begun < 6


def test_a_total_bound_says_which_limit_it_is_and_is_not_tried_again() -> None:
    with (
        pytest.raises(ToolFailed, match=r"\(timeout\)") as caught,
        running(shell("sleep 60"), timeout=0.2) as child,
    ):
        list(child.blocks(well))
    assert caught.value.transient is False


def test_the_time_that_is_over_is_told_in_round_figures() -> None:
    with (
        pytest.raises(ToolFailed, match=r"sh gave no end within 0\.2 s \(timeout\)"),
        running(shell("sleep 60"), timeout=0.19994) as child,
    ):
        list(child.blocks(well))


def test_what_a_reader_pauses_for_is_not_of_the_timeout() -> None:
    with running(shell("echo a; sleep 0.6; echo b"), timeout=0.5) as child:
        child.forgive(5)
        assert b"".join(child.blocks(well)) == b"a\nb\n"
