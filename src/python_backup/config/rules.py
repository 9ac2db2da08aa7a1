"""What must hold between several keys of a config; read from plain values, so that a fault hides no other.

A rule passes over what has the wrong shape: the schema reports that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from python_backup.config.document import Path
from python_backup.config.schema import LEVELS
from python_backup.config.sources import PasswordSource, SecretSource

Finding = tuple[Path, str]
"""Where, below what the rule was given, and what is wrong."""

_SECRET_OPTIONS = ("--password", "-p", "--defaults", "--login-path")
_A_KEY = re.compile(r"-----BEGIN|\A[0-9A-Fa-f]{64}\Z|\A[A-Za-z0-9+/]{43}=\Z")
_FILE_OPTIONS = ("--result-file", "-r", "--file", "-f", "--tab", "-T")


def check(value: Any) -> Iterator[Finding]:
    """All that the rules find wrong in a whole document."""
    yield from _below(("backup", "compression"), value, _compression)
    yield from _below(("vault",), value, _vault)
    yield from _below(("receipt",), value, _receipt)
    yield from _unique_ids(_at(value, ("instances",)))
    yield from _scratch_apart(_at(value, ("instances",)))
    yield from _vault_missing(value)
    yield from _replicas_known(_at(value, ("instances",)))
    instances = _at(value, ("instances",))
    for index in range(len(instances) if isinstance(instances, list) else 0):
        for rule in INSTANCE_RULES:
            yield from _below(("instances", index), value, rule)


def _at(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(part, int) and isinstance(value, list):
            value = value[part]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def _below(
    path: Path, value: Any, rule: Callable[[Mapping[str, Any]], Iterator[Finding]]
) -> Iterator[Finding]:
    section = _at(value, path)
    if isinstance(section, dict):
        for inner, message in rule(section):
            yield (*path, *inner), message


def _compression(section: Mapping[str, Any]) -> Iterator[Finding]:
    level, chosen = section.get("level"), section.get("format", "none")
    if not isinstance(chosen, str) or not str(level).isdecimal():
        return
    bounds = LEVELS.get(chosen)
    if bounds is None:
        if chosen == "none":
            yield ("level",), "means nothing with format none"
    elif not bounds[0] <= int(str(level)) <= bounds[1]:
        yield ("level",), f"must be {bounds[0]} to {bounds[1]} for {chosen}, not {level}"


def _unique_ids(instances: Any) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, instance in enumerate(instances if isinstance(instances, list) else ()):
        if isinstance(instance, dict) and isinstance(instance.get("id"), str | int):
            known = str(instance["id"])
            if known in first:
                yield ("instances", index, "id"), f"{known} is taken by instances[{first[known]}]"
            first.setdefault(known, index)


def _scratch_apart(instances: Any) -> Iterator[Finding]:
    """A scratch instance is no server that is backed up: drills make and drop databases there."""
    found = [
        one for one in enumerate(instances if isinstance(instances, list) else ()) if isinstance(one[1], dict)
    ]
    kept = {_address(one): index for index, one in found if not _is_scratch(one)}
    for index, one in found:
        if _is_scratch(one) and _address(one) in kept:
            yield ("instances", index, "scratch"), f"is the same server as instances[{kept[_address(one)]}]"


def _replicas_known(instances: Any) -> Iterator[Finding]:
    """A replica is another instance of this config, and of the same kind."""
    found = [one for one in instances if isinstance(one, dict)] if isinstance(instances, list) else []
    kinds = {str(one.get("id")): _kind(one) for one in found}
    for index, one in enumerate(instances if isinstance(instances, list) else ()):
        named = one.get("replicas") if isinstance(one, dict) else None
        for number, other in enumerate(named if isinstance(named, list) else ()):
            where = ("instances", index, "replicas", number)
            if str(other) == str(one.get("id")):
                yield where, "an instance is no replica of itself"
            elif str(other) not in kinds:
                yield where, f"no instance has the id {other}"
            elif kinds[str(other)] != _kind(one):
                yield where, f"instance {other} is of another kind of server"


def _kind(instance: Mapping[str, Any]) -> bool:
    return instance.get("dbms") == "postgresql"


def _is_scratch(instance: Mapping[str, Any]) -> bool:
    return str(instance.get("scratch", "")).lower() in {"true", "yes", "on"}


def _address(instance: Mapping[str, Any]) -> tuple[str, str]:
    default = 5432 if instance.get("dbms") == "postgresql" else 3306
    port = str(instance.get("port") or default)
    socket = instance.get("socket")
    if socket is not None:
        return str(socket), port
    host = str(instance.get("host") or "127.0.0.1").lower()
    return "127.0.0.1" if host in {"localhost", "::1"} else host, port


def _socket(instance: Mapping[str, Any]) -> Iterator[Finding]:
    if instance.get("socket") is None:
        return
    if "host" in instance:
        yield ("host",), "give host and port, or socket, not both"
    # PostgreSQL's port is part of its socket's name, MySQL's means nothing there
    if "port" in instance and instance.get("dbms") != "postgresql":
        yield ("port",), "give host and port, or socket, not both"


def _archive(instance: Mapping[str, Any]) -> Iterator[Finding]:
    if "format" in instance and instance.get("dbms") in {"mysql", "mariadb"}:
        yield ("format",), f"is for postgresql alone, not for {instance['dbms']}"


def _password(instance: Mapping[str, Any]) -> Iterator[Finding]:
    password = instance.get("password")
    if isinstance(password, dict):
        for inner, message in _source(password, tuple(PasswordSource.model_fields)):
            yield ("password", *inner), message
    elif isinstance(password, str) and any(c in password for c in "\0\r\n"):
        yield ("password",), "holds a line end, which no server takes"


def _username(instance: Mapping[str, Any]) -> Iterator[Finding]:
    password = instance.get("password")
    held = isinstance(password, dict) and password.get("vault") is not None
    if instance.get("username") is None and not held:
        yield ("username",), "is needed"


def _source(source: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with the mapping that tells where a secret is."""
    given = [key for key in keys if source.get(key) is not None]
    if len(given) != 1 and not set(source) - set(keys):
        yield (), f"takes just one of {', '.join(keys[:-1])} and {keys[-1]}"
    credential = source.get("systemd")
    if isinstance(credential, str) and ("/" in credential or credential in {".", ".."}):
        yield ("systemd",), "is a credential's name, not a path"


def _vault(vault: Mapping[str, Any]) -> Iterator[Finding]:
    passphrase = vault.get("passphrase")
    if isinstance(passphrase, dict):
        for inner, message in _source(passphrase, tuple(SecretSource.model_fields)):
            yield ("passphrase", *inner), message
        if vault.get("key_file") is not None:
            yield ("passphrase",), "give key_file or passphrase, not both"


def _receipt(receipt: Mapping[str, Any]) -> Iterator[Finding]:
    key = receipt.get("key")
    if isinstance(key, dict):
        for inner, message in _source(key, tuple(PasswordSource.model_fields)):
            yield ("key", *inner), message
    elif key == "":
        yield ("key",), "must not be empty"
    elif isinstance(key, str) and _A_KEY.search(key):
        yield ("key",), "takes a file's path; a key itself is not written into a config"


def _vault_missing(value: Any) -> Iterator[Finding]:
    instances = _at(value, ("instances",))
    held: list[Path] = [("receipt", "key", "vault")]
    for index, _ in enumerate(instances if isinstance(instances, list) else ()):
        held.append(("instances", index, "password", "vault"))
    for where in held:
        if _at(value, where) is not None and _at(value, ("vault",)) is None:
            yield where, "needs the section vault, which names the file"


def _options(instance: Mapping[str, Any]) -> Iterator[Finding]:
    options = instance.get("options")
    for index, option in enumerate(options if isinstance(options, list) else ()):
        if not isinstance(option, str):
            continue
        name = option.split("=", 1)[0]
        if name.startswith(_SECRET_OPTIONS[2:]) or name == "--password" or option.startswith("-p"):
            yield ("options", index), "no password and no option file here; use the key password"
        elif name in _FILE_OPTIONS:
            yield ("options", index), f"{name} would take the dump away from this program"


def _tls(instance: Mapping[str, Any]) -> Iterator[Finding]:
    tls = instance.get("tls")
    if not isinstance(tls, dict):
        return
    if (tls.get("cert") is None) != (tls.get("key") is None):
        yield ("tls",), "cert and key go together"
    if tls.get("mode") == "verify-ca" and tls.get("ca") is None:
        yield ("tls", "ca"), "is needed for mode verify-ca"


def _tools(instance: Mapping[str, Any]) -> Iterator[Finding]:
    tools = instance.get("tools")
    if not isinstance(tools, dict) or tools.get("command"):
        return
    for key in ("host", "port", "socket"):
        if tools.get(key) is not None:
            yield ("tools", key), "goes with tools.command alone"


INSTANCE_RULES: tuple[Callable[[Mapping[str, Any]], Iterator[Finding]], ...] = (
    _socket,
    _archive,
    _username,
    _password,
    _options,
    _tls,
    _tools,
)
