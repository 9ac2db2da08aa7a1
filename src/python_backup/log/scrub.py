"""Taking secrets out of text: as they are, and as programs and formats write them."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

from python_backup.instance import Secret

MASK = "***"

SHORTEST = 4
"""Characters of a secret that is looked for: a shorter one stands in every other word."""


class Scrubber:
    """Knows the secrets that were revealed so far, in all their forms."""

    def __init__(self, secrets: Sequence[Secret] = ()) -> None:
        self._secrets = secrets
        self._forms: dict[str, tuple[str, ...]] = {}

    def clean(self, text: str) -> str:
        """The text with `MASK` for each revealed secret."""
        for form in self._known():
            text = text.replace(form, MASK)
        return text

    def _known(self) -> list[str]:
        """Every form of every revealed secret; the longest first, for one may be a part of another."""
        for secret in self._secrets:
            value = secret.revealed
            if value is not None and value not in self._forms:
                self._forms[value] = tuple(_worth(forms(value))) if len(value) >= SHORTEST else ()
        return sorted({f for found in self._forms.values() for f in found}, key=len, reverse=True)


def forms(secret: str) -> Iterator[str]:
    """The secret as it may stand in a text: quoted, escaped, in a URL, in base64, in hex."""
    data = secret.encode("utf-8", "surrogateescape")
    doubled = secret.replace("\\", "\\\\")
    yield secret
    yield from (repr(secret)[1:-1], repr(data)[2:-1], ascii(secret)[1:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield secret.replace("'", "''")
    for text in (secret, doubled):
        yield from (text, text.replace("'", "\\'"), text.replace('"', '\\"'), text.replace(":", "\\:"))
    yield from (quote(data), quote(data, safe=""), quote_plus(data))
    for coded in (b64encode(data), urlsafe_b64encode(data)):
        yield from (coded.decode(), coded.decode().rstrip("="))
    yield data.hex()


def _worth(found: Iterable[str]) -> Iterator[str]:
    return (form for form in dict.fromkeys(found) if len(form) >= SHORTEST)
