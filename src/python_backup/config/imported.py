"""Entries for the vault as people bring them: each checked, every fault told, no value shown."""

from __future__ import annotations

import json
from typing import Any

from python_backup.config.vault import Entry
from python_backup.errors import UsageError

_KEYS = ("id", "username", "password")
_MOST_SHOWN = 10


def entry(wanted: str, username: str, password: str) -> Entry:
    """One entry.

    Raises:
        UsageError: something is empty, or holds what no server takes.
    """
    faults = _faults({"id": wanted, "username": username, "password": password})
    if faults:
        raise UsageError("; ".join(faults))
    return Entry(wanted, username, password)


def entries_in(content: bytes, name: str) -> tuple[Entry, ...]:
    """The entries of a JSON list of ``{id, username, password}``; ``name`` is for errors.

    An id may be a number; a username may be left out.

    Raises:
        UsageError: with every fault.
    """
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError) as exc:
        where = f", line {exc.lineno}" if isinstance(exc, json.JSONDecodeError) else ""
        raise UsageError(f"{name} is not JSON{where}") from None  # exc.doc holds the passwords
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise UsageError(f"{name} is no list of {{id, username, password}}")
    items = [_tidy(item) for item in listed]
    faults = [f"[{index}]: {fault}" for index, item in enumerate(items) for fault in _faults(item)]
    first: dict[Any, int] = {}
    for index, item in enumerate(items):
        if isinstance(item.get("id"), str) and first.setdefault(item["id"], index) != index:
            faults.append(f"[{index}]: the id is that of [{first[item['id']]}]")
    if faults:
        more = f"\n  and {len(faults) - _MOST_SHOWN} more" if len(faults) > _MOST_SHOWN else ""
        raise UsageError(f"{name} will not do:" + "".join(f"\n  {f}" for f in faults[:_MOST_SHOWN]) + more)
    return tuple(Entry(item["id"], item["username"], item["password"]) for item in items)


def _tidy(item: dict[str, Any]) -> dict[str, Any]:
    number = item.get("id")
    tidy = {**item, "username": item.get("username") or ""}
    return {**tidy, "id": str(number)} if isinstance(number, int) and not isinstance(number, bool) else tidy


def _faults(item: dict[str, Any]) -> list[str]:
    faults = [f"unknown key {key!r}" for key in item if key not in _KEYS]
    for key in _KEYS:
        value = item.get(key)
        if not isinstance(value, str):
            faults.append(f"{key} must be text" if key in item else f"{key} is needed")
        elif not value and key != "username":
            faults.append(f"{key} must not be empty")
        elif any("\ud800" <= c <= "\udfff" for c in value):
            faults.append(f"{key} is not text that UTF-8 can hold")
        elif any(c in value for c in "\0\r\n"):
            faults.append(f"{key} holds a line end, which no server takes")
        elif key != "password" and not value.isprintable():
            faults.append(f"{key} holds what cannot be shown")
    return faults
