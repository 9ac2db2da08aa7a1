"""The suffixes of artifacts' names: all that a name needs of the formats, whose codecs bring compressors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from python_backup.model import Format

SUFFIXES: Mapping[Format, str] = MappingProxyType(
    {
        Format.NONE: ".sql",
        Format.GZIP: ".sql.gz",
        Format.ZIP: ".zip",
        Format.ZSTD: ".sql.zst",
        Format.CUSTOM: ".dump",
    }
)


def named_format(name: str) -> Format | None:
    """The format that a file's name promises, by its suffix."""
    fitting = [(len(suffix), found) for found, suffix in SUFFIXES.items() if name.endswith(suffix)]
    return max(fitting)[1] if fitting else None
