"""A vault's bytes: a header that anyone can read, and a text that only its key opens; docs/vault.md has both.

Bytes in, bytes out: files, passphrases' origins and entries are `vault`'s. Uses the cryptography package,
imported when something is sealed or opened.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass
from enum import IntEnum

from python_backup.errors import VaultError

MAGIC = b"VYAVAULT"
VERSION = 1
COST = 17
"""The logarithm of scrypt's N: 128 MiB and a few tenths of a second for each guess (OWASP, 2023)."""
_LEAST_COST, _MOST_COST = 10, 20
_BLOCK = 4096
"""The text is filled up with spaces to a multiple of this, so that the size tells nothing of its lengths."""
_TAG = 16
_HEADER = struct.Struct(">8sBBB16s12s16s")


class Kind(IntEnum):
    """What opens a vault."""

    KEY_FILE = 1
    PASSPHRASE = 2

    @property
    def words(self) -> str:
        """The kind for people."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Header:
    """The first 55 bytes. ``cost`` is the logarithm of scrypt's N, 0 with a key file."""

    kind: Kind
    cost: int
    salt: bytes
    nonce: bytes
    check: bytes

    @property
    def packed(self) -> bytes:
        """The header's bytes; the seal covers them too."""
        return _HEADER.pack(MAGIC, VERSION, *astuple(self))


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What a passphrase or a key file gives with one salt: the AES key (32 bytes), the check (16)."""

    key: bytes
    check: bytes


def header_of(sealed: bytes, wanted: Kind) -> Header:
    """The header of a whole vault that is opened by what we have.

    Raises:
        VaultError: these are not a vault's bytes, or not all of them, or those of a later version, or it
            wants another kind of key.
    """
    if len(sealed) < len(MAGIC) or not sealed.startswith(MAGIC):
        raise VaultError("is no vault: it does not begin as one")
    if len(sealed) > len(MAGIC) and sealed[len(MAGIC)] != VERSION:
        raise VaultError(
            f"is a vault of format {sealed[len(MAGIC)]}, and this program knows {VERSION}",
            hint="If it was written by a later vya-backupdb, use that one; else put back a copy of the file.",
        )
    text = len(sealed) - _HEADER.size - _TAG
    if text <= 0 or text % _BLOCK:
        raise _damaged(f"{len(sealed)} bytes is no vault's size")
    _, _, kind, cost, salt, nonce, check = _HEADER.unpack_from(sealed)
    if kind not in set(Kind) or cost not in _costs(Kind(kind)):
        raise _damaged("its header makes no sense")
    if kind != wanted:
        raise VaultError(
            f"is opened by a {Kind(kind).words}, not by a {wanted.words}",
            hint="Mend the section vault of the config, or the option --key-file.",
        )
    return Header(Kind(kind), cost, salt, nonce, check)


def keys_of(header: Header, secret: bytes) -> Keys:
    """The keys that this secret gives with the header's salt; slow on purpose for a passphrase."""
    return _DERIVE[header.kind](header.salt, header.cost, secret)


def opened(sealed: bytes, header: Header, keys: Keys) -> bytes:
    """The text.

    Raises:
        VaultError: the keys are not those of this vault, or a byte is not as it was written.
    """
    from hmac import compare_digest  # noqa: PLC0415 - with the one below

    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only where a vault is used
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    if not compare_digest(keys.check, header.check):
        raise VaultError(
            f"is not opened by this {header.kind.words}, or its header is damaged",
            hint=f"Give the {header.kind.words} that it was made with, or put back a copy of the vault.",
        )
    try:
        return AESGCM(keys.key).decrypt(header.nonce, sealed[_HEADER.size :], header.packed).rstrip(b" ")
    except InvalidTag:
        raise _damaged("its seal is broken") from None


def sealed(
    text: bytes, kind: Kind, secret: bytes, *, draw: Callable[[int], bytes], cost: int = COST
) -> bytes:
    """A vault's bytes of this text, with a new salt each time.

    Args:
        text: What is sealed; not empty, and it does not end in a space.
        kind: What the secret is.
        secret: A key file's 32 bytes, or a passphrase in UTF-8.
        draw: Gives so many random bytes.
        cost: The logarithm of scrypt's N.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only where a vault is used

    bare = Header(kind, cost if kind is Kind.PASSPHRASE else 0, draw(16), draw(12), b"")
    keys = keys_of(bare, secret)
    header = Header(kind, bare.cost, bare.salt, bare.nonce, keys.check)
    filled = text + b" " * (-len(text) % _BLOCK)
    return header.packed + AESGCM(keys.key).encrypt(header.nonce, filled, header.packed)


def _costs(kind: Kind) -> range:
    return range(_LEAST_COST, _MOST_COST + 1) if kind is Kind.PASSPHRASE else range(1)


def _damaged(why: str) -> VaultError:
    return VaultError(
        f"is damaged or was tampered with: {why}",
        hint="Put back a copy of the vault, or make a new one with `vya-backupdb vault init`.",
    )


def _stretched(salt: bytes, cost: int, secret: bytes) -> Keys:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - only where a vault is used

    try:
        derived = Scrypt(salt=salt, length=48, n=1 << cost, r=8, p=1).derive(secret)
    except MemoryError:
        raise VaultError(f"wants {1 << cost >> 10} MiB of memory for its passphrase") from None
    return Keys(derived[:32], derived[32:])


def _expanded(salt: bytes, _: int, secret: bytes) -> Keys:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - only where a vault is used
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    derived = HKDF(SHA256(), length=48, salt=salt, info=b"vya-backupdb.vault.1").derive(secret)
    return Keys(derived[:32], derived[32:])


_DERIVE: dict[Kind, Callable[[bytes, int, bytes], Keys]] = {
    Kind.KEY_FILE: _expanded,
    Kind.PASSPHRASE: _stretched,
}
