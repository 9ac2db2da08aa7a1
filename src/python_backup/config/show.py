"""The config in effect, defaults filled in, without any password."""

from __future__ import annotations

from typing import Any

import yaml

from python_backup.config.load import DEFAULT_PORTS
from python_backup.config.schema import ConfigFile, InstanceSection
from python_backup.instance import Dbms

MASK = "***"


def effective(checked: ConfigFile) -> dict[str, Any]:
    """Plain values in the file's own shape; a password that stands in the config is `MASK`."""
    shown: dict[str, Any] = checked.model_dump(exclude_none=True)
    shown["instances"] = [_instance(section) for section in shown["instances"]]
    return shown


def _instance(instance: dict[str, Any]) -> dict[str, Any]:
    if isinstance(instance.get("password"), str):
        instance["password"] = MASK
    instance.setdefault("name", instance["id"])
    if "socket" in instance:
        del instance["host"]
    if "socket" not in instance or instance["dbms"] == Dbms.POSTGRESQL:
        instance.setdefault("port", DEFAULT_PORTS[Dbms(instance["dbms"])])
    if instance["dbms"] != Dbms.POSTGRESQL:
        del instance["format"]
    return {key: instance[key] for key in InstanceSection.model_fields if key in instance}


def as_yaml(values: dict[str, Any]) -> str:
    """The values as YAML, keys in their own order."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
