"""Signals that end a run."""

import os
import signal
from collections.abc import Iterator

import pytest

from python_backup.cli.signals import ENDING, Ended, signals_raise


@pytest.fixture
def handlers() -> Iterator[None]:
    """Gives the test's process its handlers back."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_once_and_further_ones_are_ignored(number: signal.Signals, handlers: None) -> None:
    with pytest.raises(Ended) as caught, signals_raise():
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)  # a second one while tidying up
    assert caught.value.number == number
    assert [signal.getsignal(other) for other in ENDING] == [signal.SIG_IGN] * len(ENDING)


def test_without_a_signal_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with signals_raise():
        pass
    assert [signal.getsignal(number) for number in ENDING] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_raise():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
