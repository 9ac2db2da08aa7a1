"""``vya-backupdb config``: make, check and show the config file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import epilog
from python_backup.cli.options import ConfigOption, JsonOption, load_config
from python_backup.cli.render import GOOD, Cell, Screen
from python_backup.errors import UsageError
from python_backup.instance import Dbms
from python_backup.log.lines import printable

app = typer.Typer(
    name="config",
    help="Make, check and show the config file.",
    no_args_is_help=False,
    rich_markup_mode=None,
    epilog=epilog(),
)


@app.command(epilog=epilog())
def init(
    *,
    config: Annotated[Path, typer.Option("--config", metavar="PATH", help="The file to write.")] = Path(
        "config.yaml"
    ),
    directory: Annotated[str | None, typer.Option(metavar="PATH", help="The backup folder.")] = None,
    dbms: Annotated[Dbms | None, typer.Option(help="The kind of server.")] = None,
    host: Annotated[str | None, typer.Option(metavar="NAME", help="The server's name.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", min=1, max=65535, help="Its port.")] = None,
    socket: Annotated[str | None, typer.Option(metavar="PATH", help="Its socket, instead.")] = None,
    username: Annotated[str | None, typer.Option(metavar="NAME", help="The account.")] = None,
    password_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable that holds the password.")
    ] = None,
    password_file: Annotated[
        str | None, typer.Option(metavar="PATH", help="The file that holds the password.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a first config file, private to its owner; asks for what no option says."""
    from python_backup.config.load import DEFAULT_PORTS, read_config
    from python_backup.config.template import Answers, config_text, write_new

    if password_env and password_file:
        raise UsageError("give --password-env or --password-file, not both")
    if socket and (host or port):
        raise UsageError("give --socket, or --host and --port, not both")
    screen = Screen()
    ask = _Questions(screen)
    default = Answers()
    kind = Dbms(ask("kind of server (mysql, mariadb, postgresql)", dbms, default.dbms, choices=tuple(Dbms)))
    if not socket:
        host = ask("host", host, default.host)
        port = int(ask("port", str(port) if port else None, str(DEFAULT_PORTS[kind]), pattern="[0-9]+"))
    answers = Answers(
        directory=ask("backup folder", directory, default.directory),
        dbms=kind,
        host=host or default.host,
        port=port or DEFAULT_PORTS[kind],
        socket=socket,
        username=ask("username", username, default.username),
        password=_password(ask, password_env, password_file, needed=socket is None),
    )
    text = config_text(answers)
    read_config(text, config, os.environ)
    write_new(config, text, force=force)
    screen.result(None, Cell(f"wrote {config}", GOOD))
    screen.note(f"check it with `vya-backupdb config validate --config {config}`")


class _Questions:
    """Asks on the terminal for what no option says; without one the default holds."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __call__(
        self,
        what: str,
        given: str | None,
        default: str,
        *,
        choices: tuple[str, ...] = (),
        pattern: str = ".+",
    ) -> str:
        while given is None:
            if not self._screen.interactive:
                return default
            answer = self._screen.ask(f"{what} [{default}]:") or default
            if re.fullmatch(pattern, answer) and (not choices or answer in choices):
                return answer
        if not re.fullmatch(pattern, given):
            raise UsageError(f"{given!r} will not do for {what}")
        return given


def _password(ask: _Questions, env: str | None, file: str | None, *, needed: bool) -> dict[str, str]:
    """Where the password is; over a socket the server often takes the system's account instead."""
    if file:
        return {"file": file}
    if not env and not needed:
        return {}
    what, default = "environment variable with the password", "VYA_BACKUP_PASSWORD"
    return {"env": ask(what, env, default, pattern="[A-Za-z_][A-Za-z0-9_]*")}


@app.command(epilog=epilog())
def validate(*, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check the config file; every fault is listed with its line."""
    screen = Screen(json=json)
    found = load_config(config, screen)
    screen.result(
        {
            "valid": True,
            "path": found.path,
            "instances": [i.id for i in found.instances],
            "warnings": found.warnings,
        },
        Cell(f"{found.path} is valid: {words.plural(len(found.instances), 'instance')}", GOOD),
    )


@app.command(epilog=epilog())
def show(*, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show the config in effect, defaults filled in, without passwords."""
    from python_backup.config.find import find_config
    from python_backup.config.load import read_file
    from python_backup.config.show import as_yaml, effective

    screen = Screen(json=json)
    path = find_config(config, os.environ, Path.cwd())
    values = effective(read_file(path, os.environ))
    if json:
        screen.result({"path": path, "config": values})
    else:
        screen.text(f"# {printable(str(path))}\n{as_yaml(values)}")


@app.command(epilog=epilog())
def schema() -> None:
    """Print the config file's JSON Schema, for editors."""
    from python_backup.config.schema import json_schema

    Screen(json=True).result(json_schema())
