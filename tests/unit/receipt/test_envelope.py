"""DSSE by its specification's own vector, and envelopes changed at every byte."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from python_backup.errors import ArtifactCorrupt
from python_backup.receipt.envelope import PAYLOAD_TYPE, opened, pae, payload_in, sealed
from python_backup.receipt.keys import SigningKey, signing_key
from python_backup.receipt.statement import Statement, dump_statement

VECTOR = ("http://example.com/HelloWorld", b"hello world")
SIGNED = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820


def test_the_encoding_is_that_of_the_specifications_vector() -> None:
    assert pae(*VECTOR) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_specifications_signature_is_over_this_encoding() -> None:
    raw = base64.b64decode(SIGNED)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), pae(*VECTOR), ec.ECDSA(SHA256()))


@given(st.tuples(st.text(), st.binary()), st.tuples(st.text(), st.binary()))
def test_no_two_payloads_have_one_encoding(one: tuple[str, bytes], two: tuple[str, bytes]) -> None:
    assert (pae(*one) == pae(*two)) == (one == two)


def test_lengths_are_of_bytes_not_of_letters() -> None:
    assert pae("é", b"\xff\x00") == b"DSSEv1 2 \xc3\xa9 2 \xff\x00"
    assert pae("", b"") == b"DSSEv1 0  0 "


@given(st.binary())
def test_what_was_sealed_is_opened(payload: bytes) -> None:
    key = signing_key("01" * 32)
    assert opened(sealed(payload, key), (key.public,))[0] == payload


def test_an_envelope_is_what_others_read(key: SigningKey, statement: Statement) -> None:
    payload = dump_statement(statement)
    document = json.loads(sealed(payload, key))
    assert base64.b64decode(document["payload"]) == payload
    assert document["payloadType"] == "application/vnd.in-toto+json"
    (signature,) = document["signatures"]
    raw = base64.b64decode(signature["sig"])
    key.key.public_key().verify(raw, b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload)


def test_a_change_of_any_bit_is_refused(key: SigningKey, statement: Statement) -> None:
    content = sealed(dump_statement(statement), key)
    for position in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[position] ^= 1 << bit
            with pytest.raises(ArtifactCorrupt):
                opened(bytes(changed), (key.public,))


def test_a_byte_lost_or_added_anywhere_is_refused(key: SigningKey, statement: Statement) -> None:
    content = sealed(dump_statement(statement), key)
    for position in range(len(content)):
        lost = content[:position] + content[position + 1 :]
        added = [content[:position] + byte + content[position:] for byte in (b" ", b"A", b"\n")]
        for changed in (lost, content[:position], *added):
            with pytest.raises(ArtifactCorrupt):
                opened(changed, (key.public,))


def test_another_key_is_told_from_a_changed_receipt(key: SigningKey, other: SigningKey) -> None:
    content = sealed(b"{}", key)
    with pytest.raises(ArtifactCorrupt, match="no trusted key signed it") as caught:
        opened(content, (other.public,))
    assert key.public.id[:16] in caught.value.message
    with pytest.raises(ArtifactCorrupt, match="no trusted key"):
        opened(content, ())
    assert opened(content, (other.public, key.public))[1].id == key.public.id
    forged = json.loads(content)
    forged["payload"] = base64.b64encode(b"{ }").decode()
    with pytest.raises(ArtifactCorrupt, match="was changed"):
        opened(json.dumps(forged).encode() + b"\n", (key.public,))


def test_a_signature_under_the_name_of_another_key_is_refused(key: SigningKey, other: SigningKey) -> None:
    document = json.loads(sealed(b"{}", key))
    document["signatures"][0]["keyid"] = other.public.id
    with pytest.raises(ArtifactCorrupt, match="names key"):
        opened(json.dumps(document).encode() + b"\n", (key.public,))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(payloadType="text/plain"),
        lambda d: d.update(signatures=[]),
        lambda d: d["signatures"].append(d["signatures"][0]),
        lambda d: d["signatures"][0].pop("keyid"),
        lambda d: d.update(more=1),
        lambda d: d.update(payload=d["payload"].rstrip("=") + "==="),
        lambda d: d.update(payload=5),
        lambda d: d.update(payload="é"),
    ],
)
def test_an_envelope_of_another_shape_is_refused(key: SigningKey, change) -> None:
    document = json.loads(sealed(b"{}x", key))
    change(document)
    with pytest.raises(ArtifactCorrupt):
        opened(json.dumps(document).encode() + b"\n", (key.public,))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"1", b"null", b"\xff", b"[" * 200_000, b'{"payload": "e30="}']
)
def test_what_is_no_envelope_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactCorrupt):
        payload_in(content)


def test_a_signature_cannot_be_carried_over_to_another_kind_of_payload(key: SigningKey) -> None:
    assert not key.public.verifies(key.sign(pae("text/plain", b"{}")), pae(PAYLOAD_TYPE, b"{}"))
