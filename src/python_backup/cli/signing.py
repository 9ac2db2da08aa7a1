"""The receipt of each drill, where the config has a key: the file, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from python_backup.cli.exit_codes import FAILED
from python_backup.cli.render import BAD, FAINT, Cell, error_document
from python_backup.errors import BackupError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.jobs.drill import DrillReport, DrillRequest
    from python_backup.jobs.receipts.write import Receipt, Signing


@dataclass(slots=True)
class Receipting:
    """Writes the receipts of one run's drills; without a key, none. ``outcomes`` is by drill, in order."""

    signing: Signing | None
    outcomes: list[Receipt | BackupError | None] = field(default_factory=list)

    def receipted(self, request: DrillRequest, drilled: Callable[[DrillRequest], DrillReport]) -> DrillReport:
        """Drills, and writes the receipt; that it cannot be written does not end the other drills."""
        if self.signing is None:
            self.outcomes.append(None)
            return drilled(request)
        from python_backup.jobs.receipts.write import state_of, write_receipt

        before = state_of(request.file)
        report = drilled(request)
        try:
            self.outcomes.append(write_receipt(request, report, before, self.signing))
        except BackupError as exc:
            self.outcomes.append(exc)
        return report

    def exit_code(self, code: int) -> int:
        """The drills' own code; 1 instead of 0 where a receipt could not be written."""
        return code or (FAILED if any(isinstance(one, BackupError) for one in self.outcomes) else 0)

    def document(self, index: int) -> dict[str, Any]:
        """What the JSON says of the receipt of one drill."""
        outcome = self.outcomes[index]
        if isinstance(outcome, BackupError):
            return {"receipt": None, "receipt_error": error_document(outcome)}
        return {"receipt": outcome, "receipt_error": None}

    def drawn(self, index: int) -> Iterator[Cell]:
        """What people read of it."""
        outcome = self.outcomes[index]
        if isinstance(outcome, BackupError):
            yield Cell(f"no receipt was written: {outcome.message}", BAD)
        elif outcome is not None:
            yield Cell(f"receipt {outcome.number}: {outcome.path}", FAINT)


def receipting(settings: Config | None) -> Receipting:
    """What writes this run's receipts; the key is fetched now, before anything is drilled.

    Raises:
        ConfigError: the config names a key that is not there, or is none.
    """
    if settings is None or settings.receipts is None:
        return Receipting(None)
    from python_backup.jobs.receipts.key import key_of
    from python_backup.jobs.receipts.write import Signing

    key = key_of(settings.receipts)
    return Receipting(Signing(settings.directory, key, lambda: datetime.now().astimezone()))
