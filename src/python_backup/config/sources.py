"""Where a config file may have its secrets from: the shape alone; `secret` fetches them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag

from python_backup.config.scalars import Word, as_id
from python_backup.config.strict import Strict


def _kind_of_password(value: object) -> str:
    return "source" if isinstance(value, dict | SecretSource) else "text"


class KeyringEntry(Strict):
    """One password of the system's keyring."""

    service: Annotated[Word, Field(description="the service that it was stored under")]
    username: Annotated[Word, Field(description="the name that it was stored under")]


class SecretSource(Strict):
    """Where a secret comes from, if it is not written here; just one of these."""

    env: Annotated[Word | None, Field(description="the name of an environment variable")] = None
    file: Annotated[Word | None, Field(description="a file that only its owner can read")] = None
    command: Annotated[
        Annotated[list[Word], Field(min_length=1)] | None,
        Field(description="a program and its arguments; the first line it prints is the secret"),
    ] = None
    keyring: Annotated[KeyringEntry | None, Field(description="the system's keyring")] = None
    systemd: Annotated[
        Word | None, Field(description="a credential that systemd hands over: $CREDENTIALS_DIRECTORY/NAME")
    ] = None


class PasswordSource(SecretSource):
    """Where a password comes from; just one of these."""

    vault: Annotated[
        Word | None,
        BeforeValidator(as_id, json_schema_input_type=int | str),
        Field(description="an entry of the vault, by its id"),
    ] = None


Password = Annotated[
    Annotated[str, Tag("text")] | Annotated[PasswordSource, Tag("source")], Discriminator(_kind_of_password)
]
