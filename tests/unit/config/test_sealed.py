"""A vault's bytes."""

import hashlib
import json
import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from python_backup.config.sealed import COST, Keys, Kind, header_of, keys_of, opened, sealed
from python_backup.errors import VaultError

SECRETS = {Kind.KEY_FILE: bytes(range(32)), Kind.PASSPHRASE: "correct hörse".encode()}
TEXT = b'{"entries": [{"id": "web", "username": "backup-user", "password": "hunter2"}]}'
CHEAP = 10


def drawn(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def made(kind: Kind, text: bytes = TEXT) -> bytes:
    return sealed(text, kind, SECRETS[kind], draw=drawn(), cost=CHEAP)


def read(content: bytes, kind: Kind, known: dict[bytes, Keys] | None = None) -> bytes:
    """The text; keys that are ``known`` of the salt and cost are not derived again."""
    header = header_of(content, kind)
    known = {} if known is None else known
    identity = content[9:27]
    if identity not in known:
        known[identity] = keys_of(header, SECRETS[kind])
    return opened(content, header, known[identity])


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("length", [1, 4095, 4096, 4097, 100_000])
def test_what_was_sealed_is_opened(kind: Kind, length: int) -> None:
    text = b"x" * length
    content = made(kind, text)
    assert read(content, kind) == text
    assert (len(content) - 71) % 4096 == 0


@pytest.mark.parametrize("kind", Kind)
def test_nothing_of_the_text_stands_in_it(kind: Kind) -> None:
    content = made(kind)
    assert [
        word for word in (b"web", b"backup-user", b"hunter2", b"entries", b"    ") if word in content
    ] == []


def test_each_sealing_has_its_own_salt_nonce_and_bytes() -> None:
    one, two = (sealed(TEXT, Kind.KEY_FILE, b"k" * 32, draw=drawn(seed)) for seed in (1, 2))
    assert [one[a:b] == two[a:b] for a, b in ((11, 27), (27, 39), (39, 55), (55, 71))] == [False] * 4


@pytest.mark.parametrize("kind", Kind)
def test_every_changed_byte_is_found(kind: Kind) -> None:
    content = made(kind)
    known: dict[bytes, Keys] = {}
    assert read(content, kind, known) == TEXT
    accepted = []
    for place in range(len(content)):
        for flip in (0x01, 0x80) if place != 10 else (0x01, 0x02, 0x04, 0x80):
            changed = bytearray(content)
            changed[place] ^= flip
            try:
                read(bytes(changed), kind, known)
            except VaultError:
                continue
            accepted.append((place, flip))
    assert accepted == []


@pytest.mark.parametrize("kind", Kind)
def test_every_truncation_is_found(kind: Kind) -> None:
    content = made(kind, b"x" * 5000)
    accepted = []
    for length in range(len(content)):
        try:
            read(content[:length], kind)
        except VaultError:
            continue
        accepted.append(length)
    assert accepted == []


@pytest.mark.parametrize("more", [b"\0", b" " * 4096])
def test_appended_bytes_are_found(more: bytes) -> None:
    with pytest.raises(VaultError, match="damaged or was tampered with"):
        read(made(Kind.KEY_FILE) + more, Kind.KEY_FILE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no vault"),
        (b"VYA", "is no vault"),
        (b"# a config\n" * 500, "is no vault"),
        (b"VYAVAULT", "8 bytes is no vault's size"),
        (b"VYAVAULT\x02" + b"x" * 5000, "format 2, and this program knows 1"),
        (b"VYAVAULT\x01" + b"x" * 5000, "bytes is no vault's size"),
        (b"VYAVAULT\x01\x03" + b"x" * (71 + 4096 - 10), "header makes no sense"),
        (b"VYAVAULT\x01\x02\x3f" + b"x" * (71 + 4096 - 11), "header makes no sense"),
        (b"VYAVAULT\x01\x01\x0a" + b"x" * (71 + 4096 - 11), "header makes no sense"),
    ],
)
def test_what_is_no_vault_is_told(content: bytes, message: str) -> None:
    with pytest.raises(VaultError, match=message):
        header_of(content, Kind.KEY_FILE)


@pytest.mark.parametrize("kind", Kind)
def test_a_wrong_key_is_told_from_a_damaged_text(kind: Kind) -> None:
    content = made(kind)
    header = header_of(content, kind)
    with pytest.raises(VaultError, match=f"is not opened by this {kind.words}"):
        opened(content, header, keys_of(header, b"wrong" * 7))
    with pytest.raises(VaultError, match="its seal is broken"):
        read(content[:-1] + bytes([content[-1] ^ 1]), kind)


def test_the_wrong_kind_of_key_is_told() -> None:
    with pytest.raises(VaultError, match="is opened by a passphrase, not by a key file"):
        header_of(made(Kind.PASSPHRASE), Kind.KEY_FILE)


def test_the_format_is_that_of_the_document() -> None:
    """Read with the standard library's scrypt, byte for byte as docs/vault.md has it."""
    content = made(Kind.PASSPHRASE)
    assert content[:11] == b"VYAVAULT\x01\x02\x0a"
    salt, nonce, check = content[11:27], content[27:39], content[39:55]
    derived = hashlib.scrypt(SECRETS[Kind.PASSPHRASE], salt=salt, n=1 << content[10], r=8, p=1, dklen=48)
    assert derived[32:] == check
    text = AESGCM(derived[:32]).decrypt(nonce, content[55:], content[:55])
    assert json.loads(text)["entries"][0]["password"] == "hunter2"


def test_a_passphrase_costs_128_mib_of_memory() -> None:
    assert 128 * 8 * (1 << COST) == 128 << 20
