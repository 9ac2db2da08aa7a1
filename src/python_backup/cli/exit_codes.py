"""The public exit codes: one table, shown in every command's help."""

from __future__ import annotations

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done"),
    (1, "failed"),
    (2, "usage: the command line is wrong"),
    (3, "the config is wrong, or there is none"),
    (4, "cannot connect, or not permitted"),
    (5, "an artifact is missing or corrupt"),
    (6, "what was restored differs from the dump; the target is what it was"),
    (7, "partial: some of several failed, a backup lacks something, an objective is missed"),
    (8, "refused: unsafe dump, target exists or in use, plan blocked, lock held"),
    (129, "ended by SIGHUP"),
    (130, "interrupted"),
    (143, "ended by SIGTERM"),
)

FAILED = 1
CORRUPT = 5
DIFFERS = 6
PARTIAL = 7
REFUSED = 8


def epilog() -> str:
    r"""The table as the end of a help text; ``\b`` keeps its lines as they are."""
    lines = "\n".join(f"  {code:>3}  {words}" for code, words in EXIT_CODES)
    return f"\b\nExit codes:\n{lines}"
