"""Passwords: from the config itself, the environment, a private file or a program; fetched when used."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from python_backup.config.schema import SecretSource
from python_backup.errors import BackupError, ConfigError
from python_backup.model import Secret

COMMAND_SECONDS = 60
"""How long a program may take to give a password: someone may have to touch a key."""


def secret(
    given: str | SecretSource | None, path: str, folder: Path, environ: Mapping[str, str]
) -> Secret | None:
    """The password as the config gives it; ``path`` names it in errors (``instances[0].password``).

    A relative file starts at ``folder``.
    """
    match given:
        case None:
            return None
        case str():
            return Secret(lambda: given)
        case SecretSource(env=str(name)):
            return Secret(lambda: _from_environment(name, path, environ))
        case SecretSource(file=str(name)):
            return Secret(lambda: _from_file(folder / Path(name).expanduser(), path))
        case SecretSource(command=list(argv)):
            return Secret(lambda: _from_command(tuple(argv), path, environ))
        case _:
            raise AssertionError(path)


def _from_environment(name: str, path: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(
            f"{path}: the environment has no {name}",
            hint=f"Set it: `export {name}=…`, or give the password by file or command.",
        )
    return environ[name]


def _from_file(file: Path, path: str) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise ConfigError(
                    f"{path}: {str(file)!r} can be read by others, mode {stat.S_IMODE(mode):04o}",
                    hint=f"Take that away: `chmod 600 {file}`.",
                )
            return opened.read().removesuffix("\n").removesuffix("\r")
    except OSError as exc:
        raise ConfigError(f"{path}: {str(file)!r} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: {str(file)!r} is not UTF-8 text") from None  # exc.object holds the secret


def _from_command(argv: tuple[str, ...], path: str, environ: Mapping[str, str]) -> str:
    from python_backup.stream.child import Command, output_of  # noqa: PLC0415 - only where one is used

    try:
        # the user's own environment: pass needs HOME, an agent its socket
        output, ending = output_of(Command(argv, environ), timeout=COMMAND_SECONDS)
    except BackupError as exc:
        raise ConfigError(f"{path}: {exc.message}") from exc  # its hint speaks of dump programs
    if ending.returncode != 0:
        reason = " ".join(ending.stderr.split())[:200] or "it said nothing"
        raise ConfigError(f"{path}: {argv[0]} ended with {ending.returncode}: {reason}")
    password = output.decode("utf-8", "surrogateescape").partition("\n")[0].removesuffix("\r")
    if not password:
        raise ConfigError(f"{path}: {argv[0]} printed no password on its first line")
    return password
