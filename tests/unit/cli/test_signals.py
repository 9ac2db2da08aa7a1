"""Signals that end a run."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from python_backup.cli import signals
from python_backup.cli.signals import ENDING, Ended, Leaving, signals_raise


@pytest.fixture
def handlers() -> Iterator[None]:
    """Gives the test's process its handlers back."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def nothing() -> Leaving:
    return Leaving(lambda: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_once_and_further_ones_are_ignored(number: signal.Signals, handlers: None) -> None:
    with pytest.raises(Ended) as caught, signals_raise(nothing(), noticed := []):
        try:
            os.kill(os.getpid(), number)
        finally:
            for other in ENDING:  # while tidying up; the SIGINT may be the first one's echo
                os.kill(os.getpid(), other)
    assert (caught.value.number, noticed) == (number, [number])
    assert [signal.getsignal(other) for other in ENDING] == [signal.SIG_IGN] * len(ENDING)


def test_a_second_sigint_leaves_at_once_after_the_sweep_and_other_signals_do_not(handlers: None) -> None:
    done: list[object] = []
    left = threading.Event()

    def leave(code: int) -> None:
        done.append(code)
        left.set()

    with pytest.raises(Ended), signals_raise(Leaving(lambda: done.append("swept"), leave=leave), []):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)  # systemd's SendSIGHUP=
            time.sleep(signals.BOUNCE + 0.1)
            assert done == []
            os.kill(os.getpid(), signal.SIGINT)
            assert left.wait(5)
    assert done == ["swept", 143]


@pytest.mark.parametrize("mends", [False, True])
def test_tidying_up_has_its_limit_but_for_a_database_that_is_being_put_back(
    handlers: None, monkeypatch: pytest.MonkeyPatch, mends: bool
) -> None:
    monkeypatch.setattr(signals, "LIMIT", 0.2)
    codes: list[int] = []
    leaving = Leaving(lambda: None, lambda: mends, codes.append)
    with pytest.raises(Ended), signals_raise(leaving, []):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            time.sleep(0.5)
    assert set(codes) == (set() if mends else {130})


def test_without_a_signal_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with signals_raise(nothing(), []):
        pass
    assert [signal.getsignal(number) for number in ENDING] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_raise(nothing(), []):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_python_drops_in_a_destructor_comes_once_more(
    number: signal.Signals, handlers: None
) -> None:
    class Reached:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)
            sum(range(1000))  # Python looks for signals between these

    def until_ended() -> None:
        reached = [Reached()]
        reached.clear()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            time.sleep(0.01)

    with pytest.raises(Ended) as caught, signals_raise(nothing(), noticed := []):
        until_ended()
    assert (caught.value.number, noticed) == (number, [number])
