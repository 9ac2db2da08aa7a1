"""Options that several commands take, their completion, and the config behind ``--config``."""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli.logs import follow
from python_backup.cli.render import Screen
from python_backup.errors import BackupError, ConfigMissing

if TYPE_CHECKING:
    from python_backup.config.load import Config


class ArtifactFormat(StrEnum):
    """What ``--format`` takes."""

    none = "none"
    gzip = "gzip"
    zip = "zip"
    zstd = "zstd"


def _here() -> Path:
    """The current folder; one that was removed has no name."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def complete_instance(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The ids in the config, with their names; nothing where there is no config to read."""
    from python_backup.config.document import read_document
    from python_backup.config.find import find_config

    try:
        path = find_config(context.params.get("config"), os.environ, _here())
        instances = read_document(path.read_text(encoding="utf-8"), os.environ).value["instances"]
        found = [(str(i["id"]), str(i.get("name") or i.get("dbms") or "")) for i in instances]
    except (BackupError, OSError, UnicodeError, LookupError, TypeError, AttributeError):
        return []  # completion has no place for an error; the command itself will tell
    return [(known, name) for known, name in found if known.startswith(incomplete)]


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="The config file.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
InstanceOption = Annotated[
    str | None,
    typer.Option(
        "--instance",
        "-i",
        metavar="ID",
        help="The instance, by its id in the config.",
        autocompletion=complete_instance,
        show_default=False,
    ),
]


def given(context: typer.Context) -> dict[str, str]:
    """The options that the command line has, each by its parameter's name: ``no_acl`` is ``--no-acl``."""
    told = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            told[parameter.name or ""] = parameter.opts[0]
    return told


def load_config(named: Path | None, screen: Screen, *, tell: bool = True) -> Config:
    """The config in effect; what is unwise in it is said, unless the caller tells it."""
    from python_backup.config.find import find_config
    from python_backup.config.load import load

    # a passphrase is typed once, however many passwords the run takes from the vault
    config = load(find_config(named, os.environ, _here()), os.environ, cache(screen.ask_hidden))
    follow(config)
    for warning in config.warnings if tell else ():
        screen.warning(warning)
    return config


def load_config_if_any(named: Path | None, screen: Screen, *, needed: bool) -> Config | None:
    """The config in effect; None where there is none and none is needed: the command was given a file."""
    try:
        return load_config(named, screen)
    except ConfigMissing:
        if needed:
            raise
        return None
