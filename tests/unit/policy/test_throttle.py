"""When a run should wait."""

from __future__ import annotations

import pytest

from python_backup.instance import Busy, Throttle
from python_backup.policy.throttle import reason


@pytest.mark.parametrize(
    ("throttle", "busy", "why"),
    [
        (Throttle(), Busy(999, 9999.0), None),
        (Throttle(max_lag=10), Busy(999, 10.0), None),
        (Throttle(max_lag=10), Busy(0, 10.6), "replication is 11 s behind (max_lag 10)"),
        (Throttle(max_lag=10), Busy(0, None), None),
        (Throttle(max_load=5), Busy(5, 9999.0), None),
        (Throttle(max_load=5), Busy(6), "6 sessions are at work (max_load 5)"),
        (Throttle(max_lag=1, max_load=5), Busy(6, 2.0), "replication is 2 s behind (max_lag 1)"),
    ],
)
def test_a_run_waits_while_more_than_allowed_is_late_or_at_work(
    throttle: Throttle, busy: Busy, why: str | None
) -> None:
    assert reason(throttle, busy) == why
