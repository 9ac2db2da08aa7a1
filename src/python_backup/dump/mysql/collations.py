"""Which collation of the target comes nearest to one that it lacks.

MySQL's ``utf8mb4_0900_*`` (8.0) and MariaDB's ``*_uca1400_*`` (10.10) are unknown to the other. ``0900``
collations ignore no trailing spaces, so MariaDB's ``nopad`` ones come first for them.
Source: MySQL Reference Manual, "Unicode Character Sets"; MariaDB knowledge base, "Supported Character
Sets and Collations".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

_0900 = re.compile(r"(utf8mb4)_(?:\w+_)?0900_(ai_ci|as_ci|as_cs|bin|as_cs_ks)\Z")
_UCA1400 = re.compile(
    r"(?:(utf8mb3|utf8mb4|ucs2|utf16|utf32)_)?uca1400_(?:(?!nopad)\w+?_)??(nopad_)?(ai_ci|as_ci|ai_cs|as_cs)\Z"
)


def nearest(collation: str, known: AbstractSet[str]) -> str | None:
    """The target's collation to write instead; the same where it is known, None where none comes near."""
    if not known or collation in known:
        return collation
    return next((c for c in _candidates(collation) if c in known), None)


def foreign(collation: str) -> bool:
    """Whether this is a collation that only some servers have."""
    return any(True for _ in _candidates(collation))


def _candidates(collation: str) -> Iterator[str]:
    if match := _0900.match(collation):
        strict = match[2] != "ai_ci"
        if match[2] == "bin":
            yield from ("utf8mb4_nopad_bin", "utf8mb4_bin")
            return
        yield f"utf8mb4_uca1400_nopad_{match[2].removesuffix('_ks')}"
        yield f"utf8mb4_0900_{match[2]}"
        if strict and match[2] != "as_ci":
            yield from ("utf8mb4_nopad_bin", "utf8mb4_bin")
        yield from ("utf8mb4_unicode_520_nopad_ci", "utf8mb4_unicode_520_ci", "utf8mb4_unicode_ci")
    elif match := _UCA1400.match(collation):
        charset = match[1] or "utf8mb4"
        if match[2] and charset == "utf8mb4":
            yield f"utf8mb4_0900_{match[3]}"
        if match[3].endswith("cs"):
            yield from ("utf8mb4_0900_as_cs",) if charset == "utf8mb4" else ()
            yield f"{charset}_bin"
        yield from (f"{charset}_unicode_520_ci", f"{charset}_unicode_ci", f"{charset}_general_ci")
    elif "_nopad_" in collation:
        yield collation.replace("_nopad_", "_")
    elif collation.startswith("utf8mb3_"):
        yield collation.replace("utf8mb3_", "utf8_", 1)
    elif collation.startswith("utf8_"):
        yield collation.replace("utf8_", "utf8mb3_", 1)
