"""Whether and when a failed try is made again. Pure: how often, and what was drawn, come in as arguments."""

from __future__ import annotations

from python_backup.instance import Retry


def wait_before_next(retry: Retry, made: int, drawn: float) -> float | None:
    """Seconds to wait after ``made`` tries that failed; None where no further one is made.

    ``drawn`` is a random number from 0 to below 1: the wait is between half and the whole of what the
    back-off gives, so that runs which failed together do not come back together.
    """
    if made >= retry.attempts:
        return None
    longest = min(retry.max_delay, retry.delay * retry.backoff ** (made - 1))
    return longest * (0.5 + drawn / 2)
