"""What `restore` and `plan` are both told: which artifact goes where, and how."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli.artifacts import FileOption, fetched, named
from python_backup.cli.choosing import (
    AmbiguousOption,
    Choosing,
    DefinerOption,
    EventsOption,
    NoAclOption,
    OwnerOption,
)
from python_backup.cli.gathering import gathering
from python_backup.cli.options import InstanceOption
from python_backup.errors import UsageError

if TYPE_CHECKING:
    from python_backup.config.load import Config
    from python_backup.dump.pick import Pick
    from python_backup.jobs.fetch import Fetched
    from python_backup.jobs.in_place import Safety
    from python_backup.jobs.progress import Progress
    from python_backup.jobs.restore import RestoreRequest
    from python_backup.storage.stores.place import Named


class PropertiesFrom(StrEnum):
    """What ``--database-properties`` takes."""

    target = "target"
    dump = "dump"


TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        metavar="NAME",
        help="The database to make; else the name in manifest, dump or file name.",
        show_default=False,
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which database of a dump of several.", show_default=False),
]
DisconnectOption = Annotated[bool, typer.Option("--disconnect", help="End the sessions that use the target.")]
PropertiesOption = Annotated[
    PropertiesFrom,
    typer.Option(help="Whose owner, grants, settings and comment the database gets."),
]
InPlaceOption = Annotated[
    bool | None,
    typer.Option(
        "--in-place/--no-in-place",
        help="Back the target up, empty it, fill it; by itself only where its contents cannot be moved.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    str | None,
    typer.Option(metavar="N|auto", help="Statements at once; else as the config says.", show_default=False),
]


class MergeHow(StrEnum):
    """What ``--merge`` takes."""

    KEEP = "keep"
    REPLACE = "replace"


TablesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--table", metavar="PATTERN", help="Only these tables; may be repeated.", show_default=False
    ),
]
ExcludedOption = Annotated[
    list[str] | None,
    typer.Option("--exclude-table", metavar="PATTERN", help="All but these.", show_default=False),
]
SchemasOption = Annotated[
    list[str] | None,
    typer.Option("--schema", metavar="PATTERN", help="Only these schemas (PostgreSQL).", show_default=False),
]
SchemaOnlyOption = Annotated[bool, typer.Option("--schema-only", help="Definitions without rows.")]
DataOnlyOption = Annotated[bool, typer.Option("--data-only", help="Rows alone, into tables that are there.")]
MergeOption = Annotated[
    MergeHow | None,
    typer.Option(
        help="Rows into tables that are there; those of the same key are kept or replaced.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Parts:
    """Which part of the dump is wanted; all of it by default."""

    tables: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    schema_only: bool = False
    data_only: bool = False
    merge: MergeHow | None = None

    @property
    def merges(self) -> bool:
        """Whether rows go into tables that are there."""
        return self.data_only or self.merge is not None

    def pick(self) -> Pick:
        """What is picked, as the jobs have it; a merge's definitions are not asked for.

        Raises:
            UsageError: both ``--schema-only`` and ``--data-only``.
        """
        from python_backup.dump.pick import Pick

        return Pick(self.tables, self.excluded, self.schemas, self.schema_only, self.data_only)


@dataclass(frozen=True, slots=True)
class Order:
    """The options of one call."""

    file: Named | None
    instance: str | None
    target: str | None = None
    source: str | None = None
    disconnect: bool = False
    properties: PropertiesFrom = PropertiesFrom.target
    in_place: bool | None = None
    parts: Parts = field(default_factory=Parts)
    choosing: Choosing = field(default_factory=Choosing)

    def request(self, settings: Config, command: str) -> RestoreRequest:
        """The job's request, and of an artifact that is elsewhere the name alone: it is not here yet.

        Raises:
            UsageError: no file, no instance, or one that the config does not have.
        """
        from python_backup.jobs.restore import RestoreRequest

        needed = (("--file PATH", self.file), ("--instance ID", self.instance))
        if self.file is None or self.instance is None:
            missing = " and ".join(name for name, value in needed if value is None)
            raise UsageError(f"{command} needs {missing}", hint=f"See `vya-backupdb {command} --help`.")
        return RestoreRequest(
            file=self.file if isinstance(self.file, Path) else Path(self.file.name),
            instance=settings.instance(self.instance),
            target=self.target,
            source=self.source,
            disconnect=self.disconnect,
            keep_properties=self.properties is PropertiesFrom.target,
            in_place=self.in_place,
            choices=self.choosing.choices(),
            pick=self.parts.pick() if self.parts != Parts() else None,
            kept=settings.kept,
            safety=safety_of(settings),
        )


def _order(
    *,
    file: FileOption = None,
    instance: InstanceOption = None,
    target: TargetOption = None,
    source: SourceOption = None,
    disconnect: DisconnectOption = False,
    database_properties: PropertiesOption = PropertiesFrom.target,
    in_place: InPlaceOption = None,
    table: TablesOption = None,
    exclude_table: ExcludedOption = None,
    schema: SchemasOption = None,
    schema_only: SchemaOnlyOption = False,
    data_only: DataOnlyOption = False,
    merge: MergeOption = None,
    definer: DefinerOption = None,
    owner: OwnerOption = None,
    no_acl: NoAclOption = False,
    rename_ambiguous: AmbiguousOption = None,
    events: EventsOption = None,
) -> Order:
    names = (tuple(table or ()), tuple(exclude_table or ()), tuple(schema or ()))
    parts = Parts(*names, schema_only, data_only, merge)
    deciding = Choosing(tuple(definer or ()), owner, no_acl, rename_ambiguous, events)
    artifact = None if file is None else named(file)
    return Order(
        artifact, instance, target, source, disconnect, database_properties, in_place, parts, deciding
    )  # fmt: skip


def ordered(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which takes an ``order``, with all of an order's options before its own."""
    return gathering("order", _order, command)


def ordered_file(
    order: Order, request: RestoreRequest, progress: Progress
) -> AbstractContextManager[Fetched]:
    """The artifact, here, as much of it as the request needs."""
    from python_backup.jobs.fetch import picked

    if order.file is None:
        raise AssertionError("a request without a file")
    wanted = picked(request.pick, request.source)
    return fetched(order.file, wanted, progress, request.instance.throttle.bwlimit)


def safety_of(settings: Config) -> Safety:
    """Where safety backups are: within the backup folder, and so on its file system."""
    from python_backup.jobs.in_place import Safety
    from python_backup.storage.safety import FOLDER

    return Safety(settings.directory / FOLDER, settings.safety_keep)
