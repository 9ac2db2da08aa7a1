"""Secrets: from the config itself or from where it says that they are; fetched when they are used."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from python_backup.config.sources import KeyringEntry, PasswordSource, SecretSource
from python_backup.errors import BackupError, ConfigError
from python_backup.instance import Secret

if TYPE_CHECKING:
    from python_backup.config.vault import Vault

COMMAND_SECONDS = 60
"""How long a program may take to give a password: someone may have to touch a key."""

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd tells a service of its credentials (systemd.exec(5))."""


def secret(
    given: str | SecretSource | None,
    path: str,
    folder: Path,
    environ: Mapping[str, str],
    vault: Vault | None = None,
) -> Secret | None:
    """The secret as the config gives it; ``path`` names it in errors (``instances[0].password``).

    A relative file starts at ``folder``.
    """
    if isinstance(given, PasswordSource) and given.vault is not None:
        assert vault is not None, "rules.check refuses a config without it"
        wanted = given.vault
        return Secret(lambda: vault.entry(wanted).password)
    if isinstance(given, str):
        return Secret(lambda: given)
    return Secret(_way(given, path, folder, environ)) if given else None


def _way(given: SecretSource, path: str, folder: Path, environ: Mapping[str, str]) -> Callable[[], str]:
    match given:
        case SecretSource(env=str(name)):
            return lambda: _from_environment(name, path, environ)
        case SecretSource(file=str(name)):
            return lambda: private_text(folder / Path(name).expanduser(), path)
        case SecretSource(command=list(argv)):
            return lambda: _from_command(tuple(argv), path, environ)
        case SecretSource(keyring=KeyringEntry() as entry):
            return lambda: _from_keyring(entry, path)
        case SecretSource(systemd=str(name)):
            return lambda: _from_systemd(name, path, environ)
        case _:
            raise AssertionError(path)


def private_text(file: Path, path: str) -> str:
    """The text of a file that its owner alone can read, without its last line end.

    Raises:
        ConfigError: others can read it, or it cannot be read; begins with ``path``, a key of the config.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise ConfigError(
                    f"{path}: {str(file)!r} can be read by others, mode {stat.S_IMODE(mode):04o}",
                    hint=f"Take that away: `chmod 600 {file}`.",
                )
            return _without_end(opened.read())
    except OSError as exc:
        raise ConfigError(f"{path}: {str(file)!r} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: {str(file)!r} is not UTF-8 text") from None  # exc.object holds the secret


def _from_environment(name: str, path: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(
            f"{path}: the environment has no {name}",
            hint=f"Set it: `export {name}=…`, or give the password by file or command.",
        )
    return environ[name]


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


def _from_keyring(entry: KeyringEntry, path: str) -> str:
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to import
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigError(
            f"{path}: the package keyring is not installed",
            hint="Install it: `pip install 'vya-backupdb[keyring]'`.",
        ) from exc
    try:
        found = keyring.get_password(entry.service, entry.username)
    except KeyringError as exc:
        reason = (str(exc) or type(exc).__name__).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"{path}: the keyring cannot be asked: {reason}",
            hint="See `keyring diagnose`; where no desktop is open, use file, systemd or vault instead.",
        ) from exc
    if found is None:
        raise ConfigError(
            f"{path}: the keyring has no password for {entry.username!r} of {entry.service!r}",
            hint=f"Set it: `keyring set {entry.service} {entry.username}`.",
        )
    return found


def _from_systemd(name: str, path: str, environ: Mapping[str, str]) -> str:
    folder = environ.get(CREDENTIALS)
    if not folder:
        raise ConfigError(
            f"{path}: no credentials of systemd: the environment has no {CREDENTIALS}",
            hint=f"Give the service `LoadCredentialEncrypted={name}:PATH` or `LoadCredential={name}:PATH`.",
        )
    file = Path(folder) / name
    try:
        # systemd closes the folder; an access list for the service's user shows as the file's group bits
        return _without_end(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            f"{path}: credential {str(file)!r} cannot be read: {exc.strerror}",
            hint=f"Give the service `LoadCredential={name}:PATH`.",
        ) from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: credential {str(file)!r} is not UTF-8 text") from None


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
