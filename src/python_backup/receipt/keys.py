"""Ed25519 keys: the one that signs receipts, and those that are trusted when receipts are looked at.

Uses the cryptography package: what imports this module is imported where a receipt is made or read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from python_backup.errors import ConfigError

_BYTES = 32
_HEX, _BASE64 = 2 * _BYTES, 44
_MAKE = "`vya-backupdb receipt key --file PATH` makes one; so does `openssl genpkey -algorithm ed25519`."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that is trusted. ``id`` is the SHA-256 of its DER form (SubjectPublicKeyInfo), in hex."""

    id: str
    pem: str
    key: Ed25519PublicKey

    @classmethod
    def of(cls, key: Ed25519PublicKey) -> PublicKey:
        """The key with its names."""
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return cls(hashlib.sha256(der).hexdigest(), pem, key)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the message was signed with this key's private half."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """The private key."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """What others check with."""
        return PublicKey.of(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes; the same for the same message (RFC 8032)."""
        return self.key.sign(message)


def new_key(draw: Callable[[int], bytes]) -> tuple[str, PublicKey]:
    """A new private key, PEM (PKCS 8) with a line end, and its public half."""
    key = Ed25519PrivateKey.from_private_bytes(draw(_BYTES))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), SigningKey(
        key
    ).public


def signing_key(text: str) -> SigningKey:
    """The private key in this text: PEM (PKCS 8), or its 32 bytes in hex or base64.

    Raises:
        ConfigError: it is none; the message says nothing of the text.
    """
    if "-----BEGIN" not in text:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(_raw(text.strip())))
    try:
        loaded: Any = load_pem_private_key(text.encode("utf-8", "replace"), None)
    except TypeError:  # what cryptography raises where a passphrase is wanted
        raise ConfigError(
            "is encrypted with a passphrase",
            hint="Take it away: `openssl pkey -in KEY -out PLAIN`, mode 0600; or keep the key in the vault.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("is no private key that can be read", hint=_MAKE) from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ConfigError("is a private key, but not one for Ed25519", hint=_MAKE)
    return SigningKey(loaded)


def public_key(text: str) -> PublicKey:
    """The public key in this text, PEM (SubjectPublicKeyInfo).

    Raises:
        ConfigError: it is none.
    """
    hint = "`vya-backupdb receipt key --show` prints that of the config's receipt.key."
    try:
        loaded: Any = load_pem_public_key(text.encode("utf-8", "replace"))
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("is no public key in PEM", hint=hint) from None
    if not isinstance(loaded, Ed25519PublicKey):
        raise ConfigError("is a public key, but not one for Ed25519", hint=hint)
    return PublicKey.of(loaded)


def _raw(text: str) -> bytes:
    """The 32 bytes that stand in hex or base64."""
    try:
        if len(text) == _HEX:
            return bytes.fromhex(text)
        if len(text) == _BASE64:
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        pass
    raise ConfigError("is no Ed25519 key: neither PEM, nor 32 bytes in hex or base64", hint=_MAKE)
