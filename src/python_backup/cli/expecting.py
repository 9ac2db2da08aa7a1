"""What the config expects of backups, as ``backup`` asks for it, and how it tells that one is suspect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.instance import Instance
    from python_backup.policy.anomalies import Expectation

AcceptShrinkOption = Annotated[
    bool,
    typer.Option(
        "--accept-shrink", help="Take what is there now for the new measure; max_shrink does not count."
    ),
]


def expected_by(config: Config, *, accept_shrink: bool) -> Callable[[Instance, str], Expectation]:
    """What a backup of an instance's database should hold."""
    from python_backup.policy.anomalies import expectation

    def of(instance: Instance, database: str) -> Expectation:
        found = expectation(config.expected, instance.id, database)
        return replace(found, max_shrink=None, accepted=True) if accept_shrink else found

    return of


def sentences(suspect: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each table that is not as expected."""
    return (f"the backup is suspect: table {table}: {why}" for table, why in sorted(suspect.items()))
