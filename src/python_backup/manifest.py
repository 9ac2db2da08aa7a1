"""The manifest as JSON: versioned, readable, and strict about what it takes back.

Written by hand over the model's dataclasses rather than by pydantic, which refuses the lone
surrogates that stand for bytes that are no UTF-8 in names, and costs start-up time. pydantic
describes the same dataclasses in `manifest_schema`.

A reader ignores keys that it does not know and takes the model's default for a missing key that
has one, so fields may be added within a version; anything else is a new version.

Its last key is the sum of every byte before it, so that no changed byte passes for another fact. That
there is such a sum is said at the beginning too: a damaged key must not look like an older manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from python_backup.errors import ArtifactCorrupt
from python_backup.model import Manifest

FORMAT = "vya-backupdb/manifest"
VERSION = 1

_SUMMED, _ALGORITHM = "summed", "sha256"
_SUM_LINE = b',\n  "sha256": "%s"\n}\n'
_SUM = re.compile(re.escape(_SUM_LINE).replace(b"%s", b"([0-9a-f]{64})"))
_SUM_LENGTH = len(_SUM_LINE % (b"0" * 64))


def dump_manifest(manifest: Manifest) -> bytes:
    r"""The manifest as indented JSON with a line end; ASCII alone, keys in the model's order, its sum last.

    Times are ISO 8601 in UTC; bytes that are no UTF-8 in names are lone surrogates (``\\udcff``).
    """
    document = {"format": FORMAT, "version": VERSION, _SUMMED: _ALGORITHM, **_plain(manifest)}
    content = json.dumps(document, indent=2).encode("ascii").removesuffix(b"\n}")
    return content + _SUM_LINE % _sum(content)


def load_manifest(content: bytes) -> Manifest:
    """The manifest in these bytes.

    Raises:
        ArtifactCorrupt: no manifest, one of a later version, malformed, or not as it was written; the
            message gives the path within the JSON.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ArtifactCorrupt(f"the manifest is no JSON: {exc}") from exc
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ArtifactCorrupt(f"the manifest's format is not {FORMAT!r}")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise ArtifactCorrupt(f"the manifest's version is {version!r}, not a number from 1 on")
    if version > VERSION:
        raise ArtifactCorrupt(
            f"the manifest's version is {version}; this program knows versions up to {VERSION}",
            hint="Use a vya-backupdb as new as the one that wrote it: pip install --upgrade vya-backupdb.",
        )
    loaded: Manifest = _typed(Manifest, document, "")
    if _SUMMED in document or _ALGORITHM in document:
        _check_sum(content)
    return loaded


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of manifests."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - costs start-up time; only docs ask for it

    schema = TypeAdapter(Manifest).json_schema()
    head = {"format": {"const": FORMAT}, "version": {"const": VERSION}}
    summed = {_SUMMED: {"const": _ALGORITHM}}
    tail = {_ALGORITHM: {"pattern": "^[0-9a-f]{64}$", "type": "string"}}
    schema["properties"] = {**head, **summed, **schema["properties"], **tail}
    schema["required"] = [*head, *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode("ascii")


def _check_sum(content: bytes) -> None:
    found = _SUM.fullmatch(content, max(0, len(content) - _SUM_LENGTH))
    if found is None or found[1] != _sum(content[: found.start()]):
        raise ArtifactCorrupt(
            "the manifest is not as it was written: its sha256 differs",
            hint="Take another copy of the backup, manifest and all, or another backup.",
        )


def _plain(value: Any) -> Any:
    """A model value in JSON's own types."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _typed(kind: Any, value: Any, path: str) -> Any:
    """A JSON value as the type that the model asks for; ``path`` is where it stands."""
    if kind in _WORDS:  # most are, and a list of all backups reads millions
        return _of(kind, value, path)
    if is_dataclass(kind):
        return _dataclass(kind, value, path)
    origin = get_origin(kind)
    if origin is UnionType:
        (inner,) = (arg for arg in get_args(kind) if arg is not type(None))
        return None if value is None else _typed(inner, value, path)
    if origin is tuple:
        items = _of(list, value, path)
        return tuple(_typed(get_args(kind)[0], item, f"{path}[{i}]") for i, item in enumerate(items))
    if origin is Mapping:
        entries = _of(dict, value, path).items()
        return {key: _typed(get_args(kind)[1], item, f"{path}.{key}") for key, item in entries}
    read = _moment if kind is datetime else _member
    return read(kind, value, path)


def _dataclass(kind: Any, value: Any, path: str) -> Any:
    given = _of(dict, value, path)
    arguments = {}
    for name, hint, required in _shape(kind):
        at = f"{path}.{name}" if path else name
        if name in given:
            arguments[name] = _typed(hint, given[name], at)
        elif required:
            raise ArtifactCorrupt(f"the manifest lacks {at}")
    return kind(**arguments)


@cache
def _shape(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
    )


def _of(kind: type, value: Any, path: str) -> Any:
    if type(value) is not kind:
        raise ArtifactCorrupt(f"the manifest's {path or 'document'} is no {_WORDS[kind]}")
    return value


def _moment(_kind: type, value: Any, path: str) -> datetime:
    text = _of(str, value, path)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ArtifactCorrupt(f"the manifest's {path} is no ISO 8601 time: {text!r}") from exc
    if moment.tzinfo is None:
        raise ArtifactCorrupt(f"the manifest's {path} has no time zone: {text!r}")
    return moment.astimezone(UTC)


def _member(kind: type[StrEnum], value: Any, path: str) -> StrEnum:
    text = _of(str, value, path)
    try:
        return kind(text)
    except ValueError as exc:
        known = ", ".join(kind)
        raise ArtifactCorrupt(f"the manifest's {path} is {text!r}, not one of {known}") from exc


_WORDS = {str: "text", int: "whole number", dict: "object", list: "list", bool: "true or false"}
