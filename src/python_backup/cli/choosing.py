"""The options that decide about a restore's changes, for `restore` and `plan`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, cast

import typer

from python_backup.dump.choices import Choices, Definers
from python_backup.errors import UsageError

DEFINERS = ("keep", "strip", "current")
_MAP = "map:"


class YesNo(StrEnum):
    """What ``--rename-ambiguous`` takes."""

    YES = "yes"
    NO = "no"


class EventsChoice(StrEnum):
    """What ``--events`` takes."""

    KEEP = "keep"
    DISABLE = "disable"


DefinerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--definer",
        metavar="WORD",
        help="keep, strip, current or map:OLD=NEW (repeatable); else those kept who are there.",
        show_default=False,
    ),
]
OwnerOption = Annotated[
    str | None,
    typer.Option(metavar="ROLE", help="Who gets all objects (PostgreSQL).", show_default=False),
]
NoAclOption = Annotated[bool, typer.Option("--no-acl", help="Leave grants out (PostgreSQL).")]
AmbiguousOption = Annotated[
    YesNo | None,
    typer.Option(
        "--rename-ambiguous", help="Rename names that may not be the database; else refused.",
        show_default=False,
    ),
]  # fmt: skip
EventsOption = Annotated[
    EventsChoice | None,
    typer.Option(help="Events; else disabled under another name.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Choosing:
    """These options of one call."""

    definer: tuple[str, ...] = ()
    owner: str | None = None
    no_acl: bool = False
    rename_ambiguous: YesNo | None = None
    events: EventsChoice | None = None

    def choices(self) -> Choices:
        """The choices as the jobs have them.

        Raises:
            UsageError: ``--definer`` is none of its words, or two that differ.
        """
        words = {word for word in self.definer if not word.startswith(_MAP)}
        if words - {*DEFINERS} or len(words) > 1:
            raise UsageError(
                f"--definer is {', '.join(sorted(words))}, not one of {', '.join(DEFINERS)}, {_MAP}OLD=NEW",
                hint="Only map:OLD=NEW may stand beside another, and more than once.",
            )
        maps = [word.removeprefix(_MAP).partition("=") for word in self.definer if word.startswith(_MAP)]
        for old, _, new in maps:
            if not old or not new:
                raise UsageError(f"--definer {_MAP}{old}={new} names no account to map to another")
        return Choices(
            definer=cast("Definers", next(iter(words), "default")),
            definers={old: new for old, _, new in maps},
            rename_ambiguous=None if self.rename_ambiguous is None else self.rename_ambiguous is YesNo.YES,
            events=self.events.value if self.events else "default",
            owner=self.owner,
            no_acl=self.no_acl,
        )
