"""The table of stores: what it knows, and what it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from python_backup.errors import ToolMissing, UsageError
from python_backup.storage.stores.place import Place, parse_place
from python_backup.storage.stores.table import STORES, opened_store


@pytest.mark.parametrize("scheme", sorted(STORES))
def test_each_store_is_opened_by_a_url_of_its_scheme(scheme: str) -> None:
    assert parse_place(f"{scheme}://host/folder/x").scheme == scheme
    assert callable(STORES[scheme])


def test_the_urls_that_are_understood_are_those_of_the_table() -> None:
    with pytest.raises(UsageError) as caught:
        parse_place("xyz://host/x")

    assert all(f"{scheme}://" in caught.value.message for scheme in STORES)


def test_a_library_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "python_backup.storage.stores.objects", raising=False)

    with pytest.raises(ToolMissing, match="s3:// needs the package obstore") as caught:
        opened_store(Place("s3", "s3://bucket", "x"))

    assert "pip install 'vya-backupdb[remote]'" in str(caught.value.hint)


def test_no_driver_is_imported_before_a_store_is_opened() -> None:
    script = (
        "import sys, python_backup.storage.stores.table, python_backup.storage.stores.place;"
        "print([m for m in sys.modules if m.startswith('obstore') or m.endswith(('.objects', '.sftp'))])"
    )

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert said.strip() == "[]"
