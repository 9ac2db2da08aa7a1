"""A lock that a killed run holds is waited for until its session is gone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from python_backup.engines.mysql import holding
from python_backup.errors import Refused

HOLDER = 7


class Holder:
    """A server on which a session holds the lock: at a statement, then as ``after``, then gone."""

    def __init__(self, busy: float, after: str | None, leaving: float) -> None:
        self._begun, self._busy, self._after, self._leaving = time.monotonic(), busy, after, leaving

    def value(self, sql: str, *_: Any) -> Any:
        spent = time.monotonic() - self._begun
        held = spent < self._busy + self._leaving
        if "GET_LOCK" in sql:
            return 0 if held else 1
        if "IS_USED_LOCK" in sql:
            return HOLDER if held else None
        return "Query" if spent < self._busy else self._after


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_IDLE_SECONDS", 0.2)
    monkeypatch.setattr(holding, "_PULSE", 0.01)


@pytest.mark.parametrize("after", ["Sleep", None])
def test_a_session_that_ends_after_a_long_statement_is_waited_for(after: str | None) -> None:
    holding.hold_swap(Holder(busy=0.4, after=after, leaving=0.05), "shop")  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["Sleep", None])
def test_a_session_that_stays_idle_is_not(state: str | None) -> None:
    with pytest.raises(Refused, match=f"another run works on 'shop' just now, in session {HOLDER}"):
        holding.hold_swap(Holder(busy=0, after=state, leaving=60), "shop")  # type: ignore[arg-type]
