"""docs/manifest.md and docs/manifest.schema.json beside the manifest's code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import python_backup.dump.mysql.objects as mysql_objects
import python_backup.dump.postgresql.objects as postgresql_objects
from python_backup.manifest import FORMAT, VERSION, dump_manifest, load_manifest, manifest_schema
from support.markdown import code, fences, read, rows, section

DOCUMENT = "docs/manifest.md"
SCHEMA = "docs/manifest.schema.json"


def _fields(schema: dict[str, Any], part: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every field that holds a plain value, a list of them or a mapping, by its path."""
    for name, field in part["properties"].items():
        inner = field.get("items", field)
        if "properties" in (found := _resolved(schema, inner)):
            yield from _fields(schema, found, f"{path}{name}{'[]' if inner is not field else ''}.")
        else:
            yield path + name


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return schema["$defs"][name] if name else part


def test_the_schema_beside_it_is_up_to_date() -> None:
    assert _bare(json.loads(read(SCHEMA))) == _bare(manifest_schema()), (
        f"write json.dumps(manifest_schema(), indent=2) to {SCHEMA}"
    )


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the words of the classes: older versions of Pydantic do not take them over."""
    defined = {name: {**inner, "description": ""} for name, inner in schema["$defs"].items()}
    return {**schema, "$defs": defined, "description": ""}


def test_the_table_has_the_fields_of_the_schema_in_their_order() -> None:
    documented = [code(cells[0])[0] for cells in rows(section(read(DOCUMENT), "## Fields"))]
    assert documented == list(_fields(manifest_schema(), manifest_schema()))


def test_the_table_has_every_word_that_a_field_takes() -> None:
    words = {code(cells[0])[0]: set(code(cells[1])) for cells in rows(section(read(DOCUMENT), "## Fields"))}
    kinds = manifest_schema()["$defs"]
    assert words["dbms"] == set(kinds["Dbms"]["enum"])
    assert words["artifact.format"] == set(kinds["Format"]["enum"])


def test_the_promise_names_the_version_and_the_format() -> None:
    text = read(DOCUMENT)
    assert f"`version` is {VERSION}." in text
    assert f"always `{FORMAT}`" in text


def test_the_example_is_a_manifest_of_this_version_with_every_field() -> None:
    (example,) = fences(section(read(DOCUMENT), "## Example"))
    written = json.loads(example.text)
    again = json.loads(dump_manifest(load_manifest(example.text.encode())))
    assert len(again.pop("sha256")) == len(written.pop("sha256"))  # the example has its lists on one line
    assert again == written


@pytest.mark.parametrize("engine", ["MySQL, MariaDB", "PostgreSQL"])
def test_the_table_of_kinds_has_those_that_the_code_counts(engine: str) -> None:
    module = {"MySQL, MariaDB": mysql_objects, "PostgreSQL": postgresql_objects}[engine]
    counted = set(re.findall(r"``(\w+s)``", _listed(module.__doc__ or "")))
    column = {"MySQL, MariaDB": 1, "PostgreSQL": 2}[engine]
    documented = {
        code(cells[0])[0] for cells in rows(section(read(DOCUMENT), "## Objects")) if cells[column] != "–"
    }
    assert documented == counted


def _listed(docstring: str) -> str:
    """The beginnings of the list's items, up to their colons: the kinds."""
    items = re.findall(r"^- (.*?)(?::|$)", docstring, re.MULTILINE)
    return "\n".join([*items, *re.findall(r"``sequences`` \(MariaDB\)", docstring)])
