"""``--jobs`` as it is told: a number, or one for each core."""

from __future__ import annotations

import os

from python_backup.errors import UsageError

CORES = "auto"
MOST_JOBS, MOST_BY_ITSELF = 64, 8


def jobs_of(told: str | None, configured: int | None) -> int:
    """How many statements a server is given at once; ``auto`` is one for each core, at most `MOST_BY_ITSELF`.

    Raises:
        UsageError: it is neither a number from 1 to `MOST_JOBS` nor ``auto``.
    """
    if told is None and configured is not None:
        return configured
    if told is None or told == CORES:
        return min(MOST_BY_ITSELF, len(os.sched_getaffinity(0)))
    if not told.isdecimal() or not 1 <= int(told) <= MOST_JOBS:
        raise UsageError(
            f"--jobs {told!r} is no number of jobs",
            hint=f"Give 1 to {MOST_JOBS}, or {CORES}: one for each core.",
        )
    return int(told)
