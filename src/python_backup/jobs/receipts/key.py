"""The key that signs receipts, from where the config has it."""

from __future__ import annotations

from python_backup.config.load import Receipts
from python_backup.errors import ConfigError
from python_backup.receipt.keys import SigningKey, signing_key


def key_of(receipts: Receipts) -> SigningKey:
    """The config's key.

    Raises:
        ConfigError: it cannot be fetched, or is none.
    """
    text = receipts.key.reveal()
    try:
        return signing_key(text)
    except ConfigError as exc:
        raise ConfigError(f"receipt.key: {exc.message}", hint=exc.hint) from None
