"""Whether a server is so busy, or a replica so late, that a run should wait."""

from __future__ import annotations

from python_backup.instance import Busy, Throttle


def reason(throttle: Throttle, busy: Busy) -> str | None:
    """Why to pause, in words; None: go on.

    A replica that stands still has no lag: it was stopped by somebody, and waiting does not start it.
    """
    if throttle.max_lag is not None and busy.lag is not None and busy.lag > throttle.max_lag:
        return f"replication is {busy.lag:.0f} s behind (max_lag {throttle.max_lag})"
    if throttle.max_load is not None and busy.sessions > throttle.max_load:
        return f"{busy.sessions} sessions are at work (max_load {throttle.max_load})"
    return None
