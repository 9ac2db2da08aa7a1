"""A command is told of an artifact by a path or by a URL, and speaks of it by what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from python_backup.jobs import drill
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.storage.proofs import Verdict
from python_backup.storage.stores import table
from support.folder_store import FolderStore
from support.results import TAKEN

DUMP = """-- MySQL dump 10.13  Distrib 8.4.3
CREATE TABLE `t` (
  `id` int
);
INSERT INTO `t` VALUES (1),(2);
-- Dump completed on 2026-11-21  1:00:00
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """What s3:// reads here."""
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "shop.sql").write_text(DUMP)
    store = FolderStore(folder)
    monkeypatch.setattr(table, "STORES", {"s3": lambda _: nullcontext(store)})
    return store


URL = "s3://bucket/folder/shop.sql"


@pytest.mark.parametrize("words", [("verify",), ("show", "--table", "t"), ("verify", "--deep")])
def test_a_url_is_told_as_it_was_given_and_all_else_is_as_of_a_file(
    vya: Callable, store: FolderStore, words: tuple[str, ...]
) -> None:
    far = vya(words[0], URL, *words[1:], "--json")
    near = vya(words[0], str(store.folder / "shop.sql"), *words[1:], "--json")
    assert (far.code, near.code) == (0, 0), far.err
    assert json.loads(far.out) == json.loads(near.out.replace(str(store.folder), "s3://bucket/folder"))
    drawn = vya(words[0], URL, *words[1:])
    assert "vya-backupdb-private" not in drawn.out + drawn.err


def test_two_are_compared_one_of_them_here(vya: Callable, store: FolderStore) -> None:
    done = vya("diff", URL, str(store.folder / "shop.sql"), "--rows", "t", "--exit-code", "--json")
    assert (done.code, json.loads(done.out)["same"]) == (0, True), done.err
    done = vya("diff", URL, str(store.folder / "shop.sql"), "--json")
    assert json.loads(done.out)["before"]["path"] == URL


def test_what_is_damaged_or_missing_is_named_by_its_url(vya: Callable, store: FolderStore) -> None:
    (store.folder / "shop.sql.gz").write_bytes(b"\x1f\x8b\x08damaged")
    done = vya("verify", f"{URL}.gz", "--json")
    (check,) = [c for c in json.loads(done.out)["files"][0]["checks"] if c["ok"] is False]
    assert (done.code, check["name"]) == (5, "content")
    assert "vya-backupdb-private" not in done.out + done.err
    assert f"{URL}.gz" in check["detail"]
    done = vya("show", "s3://bucket/folder/none.sql", "--table", "t")
    assert (done.code, done.err.splitlines()[0]) == (5, "error: there is no file s3://bucket/folder/none.sql")


def test_a_drill_names_the_url_and_counts_the_time_to_bring_it(
    vya: Callable, store: FolderStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[DrillRequest] = []

    def drilled(request: DrillRequest, *_: object) -> DrillReport:
        assert request.file.read_text() == DUMP
        asked.append(request)
        return DrillReport(request.file, TAKEN, Verdict.FAILED, f"{request.file} is odd")

    monkeypatch.setattr(drill, "drill", drilled)
    done = vya("drill", "--file", URL, "--json", "-")
    (told,) = json.loads(done.out)["drills"]
    assert (done.code, told["path"], told["reason"]) == (6, URL, f"{URL} is odd")
    assert asked[0].records == tmp_path / "backups"
    assert asked[0].fetched > 0
    assert not asked[0].file.exists()


@pytest.mark.parametrize("words", [("selftest", "--file"), ("restore", "--plan"), ("list", "--config")])
def test_what_takes_no_url_says_so(vya: Callable, words: tuple[str, ...]) -> None:
    done = vya(*words, "https://reader:secret@host/x?X-Amz-Signature=secret")
    assert done.code == 2
    assert f"{words[-1]} takes a path of this machine, not a URL (https://…)" in done.err
    assert "secret" not in done.err


def test_a_url_of_no_store_is_refused(vya: Callable) -> None:
    done = vya("verify", "gopher://host/x.sql")
    assert done.code == 2
    assert "no store is read by gopher://" in done.err
