"""DSSE envelopes, version 1, with one Ed25519 signature: bytes that say who vouches for them.

The specification is github.com/secure-systems-lab/dsse, protocol.md and envelope.md. It lets an envelope
be written in many ways; here it is taken in one alone, that of `sealed`, so that every byte of a receipt
counts: receipts follow each other by the sum of their bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from python_backup.errors import ArtifactCorrupt
from python_backup.receipt.keys import PublicKey, SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"

LARGEST = 256 << 20
"""Bytes of an envelope; that is a statement of a million tables. More is none."""


def pae(kind: str, body: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of a payload's type and bytes."""
    named = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(named), named, len(body), body)


def sealed(payload: bytes, key: SigningKey) -> bytes:
    """The envelope as JSON, ASCII, with a line end."""
    signature = {"keyid": key.public.id, "sig": _written(key.sign(pae(PAYLOAD_TYPE, payload)))}
    return _envelope(_written(payload), signature)


def payload_in(content: bytes) -> bytes:
    """The payload of an envelope, whoever signed it.

    Raises:
        ArtifactCorrupt: it is no envelope, or not as this program writes them.
    """
    return _parts(content)[0]


def opened(content: bytes, trusted: Sequence[PublicKey]) -> tuple[bytes, PublicKey]:
    """The payload, and which of the trusted keys signed it.

    Raises:
        ArtifactCorrupt: as `payload_in`, or none of them signed it.
    """
    payload, keyid, signature = _parts(content)
    signed = pae(PAYLOAD_TYPE, payload)
    for key in trusted:
        if key.verifies(signature, signed):
            if key.id != keyid:
                raise ArtifactCorrupt(f"the envelope names key {keyid[:16]}, and {key.id[:16]} signed it")
            return payload, key
    if keyid in {key.id for key in trusted}:
        raise ArtifactCorrupt("the signature is not that of these bytes: the receipt was changed")
    raise ArtifactCorrupt(
        f"no trusted key signed it; it names key {keyid[:16]}",
        hint="Give that key's public half with --public-key, if you trust it.",
    )


def _parts(content: bytes) -> tuple[bytes, str, bytes]:
    """The payload, the key's id and the signature."""
    try:
        document: Any = json.loads(content)
        (given,) = document["signatures"]
        payload, signature = _read(document["payload"]), _read(given["sig"])
        keyid = given["keyid"]
        kind = document["payloadType"]
        again = _envelope(_written(payload), {"keyid": keyid, "sig": _written(signature)})
    except (ValueError, LookupError, TypeError, RecursionError, binascii.Error) as exc:
        raise ArtifactCorrupt("is no DSSE envelope with one signature") from exc
    if kind != PAYLOAD_TYPE:
        raise ArtifactCorrupt(f"the envelope's payload is {str(kind)[:80]!r}, not {PAYLOAD_TYPE!r}")
    if again != content:
        raise ArtifactCorrupt("the envelope is not as this program writes them: it was changed")
    return payload, str(keyid), signature


def _envelope(payload: str, signature: dict[str, str]) -> bytes:
    document = {"payloadType": PAYLOAD_TYPE, "payload": payload, "signatures": [signature]}
    return json.dumps(document).encode("ascii") + b"\n"


def _written(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _read(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
