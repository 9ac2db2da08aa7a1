"""Entries as people bring them."""

import json
from typing import Any

import pytest

from python_backup.config.imported import entries_in, entry
from python_backup.config.vault import Entry
from python_backup.errors import UsageError


def read(value: Any) -> tuple[Entry, ...]:
    return entries_in(json.dumps(value).encode(), "'a.json'")


def test_a_list_of_accounts_is_read() -> None:
    listed = [{"id": 1, "username": "u", "password": 'a"#\\ ü'}, {"id": "web", "password": "p"}]
    assert read(listed) == (Entry("1", "u", 'a"#\\ ü'), Entry("web", "", "p"))


@pytest.mark.parametrize("content", [b"", b"[", b'[{"id": 1, "password": "hunter2"', b"\xff\xfe"])
def test_what_is_no_json_is_told_without_its_content(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"'a\.json' is not JSON") as caught:
        entries_in(content, "'a.json'")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("value", [{}, 1, ["a"], [[]]])
def test_another_shape_is_told(value: Any) -> None:
    with pytest.raises(UsageError, match="is no list of"):
        read(value)


def test_every_fault_is_told_and_no_value() -> None:
    listed = [
        {"id": 1, "password": "hunter2", "host": "h"},
        {"id": "1", "password": "hunter2"},
        {"username": 3, "password": "hunter2\n"},
        {"id": "", "password": ""},
        {"id": True, "password": "hunter2\ud800", "username": "\x1b"},
    ]
    with pytest.raises(UsageError) as caught:
        read(listed)
    assert caught.value.message.splitlines()[1:] == [
        "  [0]: unknown key 'host'",
        "  [2]: id is needed",
        "  [2]: username must be text",
        "  [2]: password holds a line end, which no server takes",
        "  [3]: id must not be empty",
        "  [3]: password must not be empty",
        "  [4]: id must be text",
        "  [4]: username holds what cannot be shown",
        "  [4]: password is not text that UTF-8 can hold",
        "  [1]: the id is that of [0]",
    ]
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("password", ["", "a\nb", "a\0"])
def test_one_entry_is_checked_alike(password: str) -> None:
    with pytest.raises(UsageError, match="password"):
        entry("web", "u", password)
