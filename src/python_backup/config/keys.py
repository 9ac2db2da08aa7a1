"""What opens the vault: a key file, or a passphrase from where the config says, or from the terminal."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

from python_backup.config.schema import VaultSection
from python_backup.config.sealed import Kind
from python_backup.config.secret import private_text, secret
from python_backup.config.vault import Key, Vault
from python_backup.errors import ConfigError, StorageFailed
from python_backup.instance import Secret
from python_backup.stream.publish import publishing

Ask = Callable[[str], str | None]
"""Asks a question whose answer is not shown; None where there is nobody to ask."""

_KEY_BYTES = 32


def vault_of(section: VaultSection, folder: Path, environ: Mapping[str, str], ask: Ask) -> Vault:
    """The config's vault; nothing is read or asked yet. Relative paths start at ``folder``."""
    path = folder / Path(section.path).expanduser()
    if section.key_file is not None:
        file = folder / Path(section.key_file).expanduser()
        return Vault(path, Key(Kind.KEY_FILE, lambda: _key_in(file)))
    given = secret(section.passphrase, "vault.passphrase", folder, environ)
    passphrase = given or Secret(lambda: _asked(path, ask))
    return Vault(path, Key(Kind.PASSPHRASE, lambda: _bytes_of(passphrase.reveal()), passphrase))


def make_key_file(file: Path, *, draw: Callable[[int], bytes] = os.urandom) -> None:
    """Writes a new key, mode 0600.

    Raises:
        StorageFailed: it cannot be written, or there is one.
    """
    try:
        with publishing(file) as sink:
            sink.write(draw(_KEY_BYTES).hex().encode() + b"\n")
            sink.commit()
    except StorageFailed as exc:  # its hint speaks of the backup folder
        raise StorageFailed(
            f"key file: {exc.message}", hint="Let this account write there, or name another file."
        ) from exc


def _key_in(file: Path) -> bytes:
    text = private_text(file, "vault.key_file")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            f"vault.key_file: {str(file)!r} holds no key: that is {2 * _KEY_BYTES} hexadecimal digits",
            hint="`vya-backupdb vault init --key-file PATH` makes one; so does `openssl rand -hex 32`.",
        )
    return key


def _asked(path: Path, ask: Ask) -> str:
    answer = ask(f"passphrase of {path}:")
    if answer is None:
        raise ConfigError(
            f"vault {str(path)!r} wants its passphrase, and there is no terminal to ask at",
            hint="Give vault.passphrase or vault.key_file in the config.",
        )
    return answer


def _bytes_of(passphrase: str) -> bytes:
    """The passphrase as it is stretched: one form, however the keyboard or the file composed its letters."""
    if not passphrase:
        raise ConfigError("vault.passphrase: is empty")
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
