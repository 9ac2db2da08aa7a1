"""docs/configuration.md beside the config's schema."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from python_backup.config.find import ENVIRONMENT_NAME, places
from python_backup.config.load import DEFAULT_PORTS, load, read_config
from python_backup.config.schema import LEVELS, ConfigFile, TlsSection
from python_backup.instance import Dbms, TlsMode
from support.markdown import CHECKOUT, code, fences, read, rows, section

DOCUMENT = "docs/configuration.md"
DEPENDING = {
    "backup.compression.level": "the format's own",
    "backup.timeout": "none: no limit",
    "instances[].timeout": "`backup.timeout`",
    "instances[].lock_timeout": "`backup.lock_timeout`",
    "instances[].idle_timeout": "`backup.idle_timeout`",
    "instances[].objectives.rpo": "`objectives.rpo`",
    "instances[].objectives.rto": "`objectives.rto`",
    **{
        f"instances[].throttle.{key}": f"`throttle.{key}`"
        for key in ("bwlimit", "max_lag", "max_load", "max_pause")
    },
    "instances[].name": "the id",
    "instances[].username": "required, but with `password.vault`",
    "instances[].port": "`3306`; PostgreSQL `5432`",
    "instances[].tools.host": "`host`",
    "instances[].tools.port": "`port`",
    "instances[].tools.socket": "`socket`",
}
"""What stands for None where leaving a key out means more than nothing; other tests hold these."""


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type holds."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def _takes_text(kind: Any) -> bool:
    """Whether a field may be mere text as well."""
    return kind is str or any(_takes_text(inner) for inner in get_args(kind))


def _keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that takes a value, by its path, with its field."""
    for name, field in model.model_fields.items():
        models = list(_models(field.annotation))
        listed = "list[" in str(field.annotation) and models
        key = f"{path}{name}"
        if not models or _takes_text(field.annotation):
            yield key, field
        for inner in models:
            yield from _keys(inner, f"{key}[]." if listed else f"{key}.")


def _default(key: str, field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return DEPENDING.get(key, "none")
    if value == []:
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _documented() -> dict[str, list[str]]:
    text = read(DOCUMENT)
    parts = (
        "backup",
        "restore",
        "drill",
        "expect",
        "objectives",
        "receipt",
        "throttle",
        "logging",
        "vault",
        "instances",
    )
    found = [row for part in parts for row in rows(section(text, f"## `{part}`"))]
    return {code(cells[0])[0]: cells for cells in found}


def test_the_tables_have_the_keys_of_the_schema_and_no_others() -> None:
    assert sorted(_documented()) == sorted(key for key, _ in _keys(ConfigFile))


def test_the_tables_have_the_schemas_defaults() -> None:
    documented = {key: cells[2] for key, cells in _documented().items()}
    assert documented == {key: _default(key, field) for key, field in _keys(ConfigFile)}


def test_the_tables_have_every_word_that_a_key_takes() -> None:
    for key, field in _keys(ConfigFile):
        words = {word for word in get_args(field.annotation) if isinstance(word, str)}
        if words and key != "instances[].tls.mode":
            assert set(code(_documented()[key][1])) == words


def test_the_tls_tables_have_every_mode_in_the_order_of_strength() -> None:
    modes = [mode.value for mode in TlsMode]
    found = [code(cells[0])[0] for cells in rows(section(read(DOCUMENT), "## TLS"))]
    assert found == modes * 2
    assert list(get_args(TlsSection.model_fields["mode"].annotation)) == modes


def test_the_default_ports_are_those_of_the_code() -> None:
    assert DEFAULT_PORTS == {Dbms.MYSQL: 3306, Dbms.MARIADB: 3306, Dbms.POSTGRESQL: 5432}


def test_the_levels_are_those_of_the_code() -> None:
    told = _documented()["backup.compression.level"][3]
    found = {
        name: (int(low), int(high))
        for names, low, high in re.findall(r"(.*?): (\d+) to (\d+)(?:; )?", told)
        for name in code(names)
    }
    assert found == LEVELS


def test_the_search_order_is_that_of_the_code() -> None:
    listed = re.findall(
        r"^\d\. `(.+)`$", section(read(DOCUMENT), "## Where the file is looked for"), re.MULTILINE
    )
    found = [str(path) for path in places({"HOME": "~"}, Path())]
    assert listed == ["--config PATH", f"${ENVIRONMENT_NAME}", f"./{found[0]}", *found[1:]]


@pytest.mark.parametrize("way", [cells[0] for cells in rows(section(read(DOCUMENT), "## Passwords"))])
def test_each_way_to_give_a_password_is_valid(way: str) -> None:
    (given,) = code(way)
    text = f"""\
backup: {{directory: b}}
vault: {{path: v}}
instances:
  - {{id: 1, dbms: mysql, username: u, {given}}}
"""
    assert read_config(text, Path("config.yaml"), {})[1].instances[0].password is not None


def test_the_example_of_tools_in_a_container_is_valid() -> None:
    (example,) = fences(section(read(DOCUMENT), "## Tools in a container"))
    text = (
        "backup: {directory: b}\ninstances:\n  - id: 1\n    dbms: mariadb\n    username: u\n" + example.text
    )
    assert read_config(text, Path("config.yaml"), {})[1].instances[0].tools.command == [
        "docker",
        "exec",
        "-i",
        "shop-db",
    ]


def test_the_example_config_is_valid_and_shows_every_key() -> None:
    config = CHECKOUT / "config.example.yaml"
    assert len(load(config, os.environ).instances) == 4
    shown = config.read_text()
    leaves = {key.rpartition(".")[2] for key, _ in _keys(ConfigFile)}
    assert {leaf for leaf in leaves if not re.search(rf"[\s{{]{leaf}:", shown)} == set()
