"""Keys in every form, and what is none."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from python_backup.errors import ConfigError
from python_backup.receipt.keys import new_key, public_key, signing_key

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_the_first_vector_of_rfc_8032_is_signed_as_it_says() -> None:
    key = signing_key(SEED.hex())
    assert key.public.key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex() == PUBLIC
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_a_key_is_taken_as_pem_hex_and_base64() -> None:
    pem, public = new_key(lambda _: SEED)
    forms = (pem, pem.strip(), SEED.hex(), SEED.hex().upper(), base64.b64encode(SEED).decode() + "\n")
    assert {signing_key(form).public.id for form in forms} == {public.id}


def test_a_public_key_survives_its_text() -> None:
    _, public = new_key(os.urandom)
    again = public_key(public.pem)
    assert (again.id, again.pem) == (public.id, public.pem)


def test_a_key_does_not_verify_what_another_signed() -> None:
    one, two = signing_key("01" * 32), signing_key("02" * 32)
    assert one.public.verifies(one.sign(b"x"), b"x")
    assert not one.public.verifies(two.sign(b"x"), b"x")
    assert not one.public.verifies(one.sign(b"x"), b"y")


@pytest.mark.parametrize("text", ["", "no key", "01" * 31, "zz" * 32, "?" * 44, "-----BEGIN it", "é" * 44])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        signing_key(text)
    assert caught.value.hint
    assert not text or text not in f"{caught.value.message}{caught.value.hint}"


def test_keys_of_other_kinds_and_encrypted_ones_are_told_apart() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ConfigError, match="not one for Ed25519"):
        signing_key(pem)
    with pytest.raises(ConfigError, match="not one for Ed25519"):
        public_key(curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    with pytest.raises(ConfigError, match="passphrase"):
        signing_key(locked.decode())
    with pytest.raises(ConfigError, match="no public key"):
        public_key(pem)


def test_a_signing_key_shows_nothing_of_itself() -> None:
    assert "0101" not in repr(signing_key("01" * 32))
