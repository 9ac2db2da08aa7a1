"""How a child ended: its exit status, and what it said on stderr."""

from __future__ import annotations

from dataclasses import dataclass

LINE_KEPT = 500
"""Characters of one line of stderr that an error or a manifest has."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: ``returncode`` is negative when a signal ended it (-9 for SIGKILL).

    ``stderr`` holds its first and last 64 KiB, with undecodable bytes replaced.
    """

    returncode: int
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of stderr that hold something; a very long one is cut, the log has it whole."""
        found = (line.strip() for line in self.stderr.splitlines())
        return [line if len(line) <= LINE_KEPT else line[:LINE_KEPT] + "…" for line in found if line]
