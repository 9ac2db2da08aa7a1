"""What the schema finds wrong, in words for people, with its path, its line and what may have been meant."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from python_backup.config.document import Document, Fault, Path
from python_backup.config.schema import ConfigFile

_WORDS = {
    "missing": "is needed",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "too_short": "must not be empty",
}


def fault_of(read: Document, error: ErrorDetails) -> Fault:
    """One of the schema's findings, at its place in the file."""
    path = _own_path(read.value, error["loc"])
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            message = "unknown key" + _did_you_mean(str(path[-1]), _keys_beside(path))
        case "literal_error":
            given = _value_at(read.value, path)
            choices = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
            shown = f", not {given!r}" if isinstance(given, str | int) else ""
            message = f"must be {context['expected']}{shown}{_did_you_mean(str(given), choices)}"
        case "greater_than_equal":
            message = f"must be at least {context['ge']}"
        case "less_than_equal":
            message = f"must be at most {context['le']}"
        case "string_pattern_mismatch" | "string_too_long":
            message = "must be a number or a word of letters, digits, _, . and -, at most 64 long"
        case "value_error":
            message = str(context["error"])
        case kind:
            message = _WORDS.get(kind, error["msg"])
    return Fault(path, read.line(path), message)


def _did_you_mean(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _own_path(value: Any, location: tuple[int | str, ...]) -> Path:
    """Pydantic's location without the words it adds for the branches of a union."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        elif isinstance(value, dict) and (part in value or last):
            value = value.get(part)
        else:
            continue
        path.append(part)
    return tuple(path)


def _value_at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _keys_beside(path: Path) -> list[str]:
    """The keys that the schema knows where this path's last key stands."""
    model: type[BaseModel] = ConfigFile
    for part in path[:-1]:
        if isinstance(part, str):
            model = next(_models_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)
