"""A signal may come at any moment of a thread's start: what was begun is ended, and nothing else goes wrong."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from python_backup.dump.builds import Builds
from python_backup.engines.mysql.lanes import lanes
from python_backup.engines.postgresql.lanes import Lanes


class Link:
    """A connection, which says whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True

    def break_off(self) -> None:
        raise AssertionError("nothing was under way")


@pytest.fixture(autouse=True)
def starts(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads whose start was asked for; it ends in a signal."""
    asked: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        asked.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    return asked


def test_a_lane_of_postgresql_that_did_not_start_is_closed(starts: list[threading.Thread]) -> None:
    made = Lanes(Builds(jobs=2))
    link: Any = Link()
    with pytest.raises(KeyboardInterrupt):
        made.add(link)
    made.close()
    assert len(starts) == 1


def test_a_lane_of_mysql_that_did_not_start_is_closed_with_the_others(starts: list[threading.Thread]) -> None:
    links: Any = (Link(), Link())
    with pytest.raises(KeyboardInterrupt), lanes(links, lambda *_: None):
        pass
    assert (len(starts), [link.closed for link in links]) == (1, [True, True])
