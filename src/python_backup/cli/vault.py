"""``vya-backupdb vault``: the encrypted file of passwords; one is typed or piped in, never an argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import epilog
from python_backup.cli.options import ConfigOption, JsonOption
from python_backup.cli.render import GOOD, Cell, Column, Screen, Table
from python_backup.errors import ConfigError, Refused, UsageError

if TYPE_CHECKING:
    from python_backup.config.keys import Ask
    from python_backup.config.schema import VaultSection
    from python_backup.config.vault import Vault

app = typer.Typer(
    name="vault",
    help="Keep passwords in an encrypted file, for `password: {vault: ID}` in the config.",
    no_args_is_help=False,
    rich_markup_mode=None,
    epilog=epilog(),
)

VaultOption = Annotated[
    Path | None,
    typer.Option("--vault", metavar="PATH", help="The vault, without a config.", show_default=False),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file", metavar="PATH", help="With --vault: the file that opens it.", show_default=False
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Replace what is there.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The entry, by its id.")]


@app.command(epilog=epilog())
def init(
    *,
    config: ConfigOption = None,
    vault: VaultOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
) -> None:
    """Make an empty vault, and its key file where the config names one that is not there."""
    from python_backup.config.keys import make_key_file

    screen = Screen(json=json)
    section, folder = _section(config, vault, key_file)
    made = _opened(section, folder, lambda question: _typed_twice(screen, question))
    if os.path.lexists(made.path):
        raise Refused(f"vault {str(made.path)!r} is there already", hint="Remove it first, or name another.")
    key = folder / Path(section.key_file).expanduser() if section.key_file else None
    new_key = key if key and not os.path.lexists(key) else None
    if new_key:
        make_key_file(new_key)
    made.create()
    screen.result(
        {"path": made.path, "key_file": key, "key_file_made": new_key is not None},
        Cell(f"made vault {made.path}", GOOD),
        *([Cell(f"made key file {new_key}", GOOD)] if new_key else []),
    )
    if new_key:
        screen.note(f"keep a copy of {new_key} elsewhere: without it nothing opens the vault")


@app.command(epilog=epilog())
def add(
    wanted: IdArgument,
    *,
    username: Annotated[
        str, typer.Option(metavar="NAME", help="The account's name; without it, the config's holds.")
    ] = "",
    replace: ReplaceOption = False,
    config: ConfigOption = None,
    vault: VaultOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
) -> None:
    """Add one password: asked on the terminal, or read from stdin."""
    from python_backup.config.imported import entry
    from python_backup.config.vault import with_added

    screen = Screen(json=json)
    into = _found(screen, config, vault, key_file)
    new = entry(wanted, username, _password(screen, wanted))
    into.change(with_added((new,), replace=replace))
    screen.result({"path": into.path, "added": [wanted]}, Cell(f"added {wanted}", GOOD))


@app.command("list", epilog=epilog())
def list_(
    *,
    config: ConfigOption = None,
    vault: VaultOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
) -> None:
    """List the vault's entries, without their passwords."""
    screen = Screen(json=json)
    shown = _found(screen, config, vault, key_file)
    entries = shown.entries()
    table = Table(
        [Column("id", folds=True), Column("username", folds=True)],
        [[e.id, e.username or "-"] for e in entries],
    )
    screen.result(
        {"path": shown.path, "entries": [{"id": e.id, "username": e.username or None} for e in entries]},
        table if entries else f"no entries in {shown.path}",
    )


@app.command(epilog=epilog())
def remove(
    wanted: Annotated[list[str], typer.Argument(metavar="ID...", help="The entries, by their ids.")],
    *,
    config: ConfigOption = None,
    vault: VaultOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
) -> None:
    """Remove entries."""
    from python_backup.config.vault import without

    screen = Screen(json=json)
    changed = _found(screen, config, vault, key_file)
    changed.change(without(wanted))
    screen.result({"path": changed.path, "removed": wanted}, Cell(f"removed {', '.join(wanted)}", GOOD))


@app.command("import", epilog=epilog())
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help='JSON: [{"id": …, "username": …, "password": …}]; - is stdin.'),
    ],
    *,
    replace: ReplaceOption = False,
    config: ConfigOption = None,
    vault: VaultOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
) -> None:
    """Add the passwords of a JSON file, all of them or none."""
    from python_backup.config.imported import entries_in
    from python_backup.config.vault import with_added

    screen = Screen(json=json)
    into = _found(screen, config, vault, key_file)
    piped = str(file) == "-"
    entries = entries_in(_stdin() if piped else _content(file), "stdin" if piped else repr(str(file)))
    into.change(with_added(entries, replace=replace))
    ids = [entry.id for entry in entries]
    screen.result(
        {"path": into.path, "added": ids}, Cell(f"added {words.plural(len(ids), 'password')}", GOOD)
    )
    if not piped:
        screen.note(f"{file} still holds the passwords in clear; remove it when it is not needed")


def _found(screen: Screen, config: Path | None, vault: Path | None, key_file: Path | None) -> Vault:
    from functools import cache

    return _opened(*_section(config, vault, key_file), cache(screen.ask_hidden))


def _opened(section: VaultSection, folder: Path, ask: Ask) -> Vault:
    from python_backup.config.keys import vault_of

    return vault_of(section, folder, os.environ, ask)


def _section(config: Path | None, vault: Path | None, key_file: Path | None) -> tuple[VaultSection, Path]:
    """What names the vault, and the folder where its relative paths start."""
    from python_backup.config.find import find_config
    from python_backup.config.load import read_file
    from python_backup.config.schema import VaultSection

    if vault is not None:
        if config is not None:
            raise UsageError("give --config or --vault, not both")
        return VaultSection(path=str(vault), key_file=str(key_file) if key_file else None), Path.cwd()
    if key_file is not None:
        raise UsageError("--key-file goes with --vault", hint="The config names its key file itself.")
    path = find_config(config, os.environ, Path.cwd())
    section = read_file(path, os.environ).vault
    if section is None:
        raise ConfigError(
            f"{path} has no section vault",
            hint="Add `vault: {path: vault, key_file: vault.key}`, or name a vault with --vault.",
        )
    return section, path.absolute().parent


def _password(screen: Screen, wanted: str) -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        typed = _typed_twice(screen, f"password of {wanted}:")
        if typed is None:
            raise UsageError("the password cannot be asked where stderr is no terminal", hint="Pipe it in.")
        return typed
    try:
        return _stdin().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError("the password on stdin is not UTF-8 text") from None  # exc.object holds it


def _typed_twice(screen: Screen, question: str) -> str | None:
    typed = screen.ask_hidden(question)
    if typed is not None and typed != screen.ask_hidden("once more:"):
        raise UsageError("the two are not the same")
    return typed


def _stdin() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise UsageError(f"{str(file)!r} cannot be read: {exc.strerror}") from exc
