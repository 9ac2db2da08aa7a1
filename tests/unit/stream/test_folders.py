"""A folder that appears under its name whole or not at all."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path

import pytest

from python_backup.errors import StorageFailed
from python_backup.stream import folders
from python_backup.stream.folders import publishing_folder
from support.interrupting import interrupted_at

FILES = ["a", "data/b"]


def store(final: Path) -> None:
    with publishing_folder(final) as folder:
        for name in FILES:
            with folder.file(name) as file:
                file.write(b"x" * 100)
        folder.commit(final)


def files(final: Path) -> list[str]:
    return sorted(str(path.relative_to(final)) for path in final.rglob("*") if path.is_file())


def test_a_signal_at_any_line_leaves_a_whole_folder_or_none_under_its_name(tmp_path: Path) -> None:
    line = 1
    while interrupted_at(line, (folders,), partial(store, final := tmp_path / str(line))):
        assert not final.exists() or files(final) == FILES, line
        line += 1
    assert line > 30


def test_a_disk_that_fails_when_the_name_is_made_durable_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = folders.sync_folder

    def broken(folder: Path) -> None:
        if folder == tmp_path:
            raise OSError(errno.EIO, "Input/output error")
        sync(folder)

    monkeypatch.setattr(folders, "sync_folder", broken)
    with pytest.raises(StorageFailed, match="Input/output error"):
        store(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced_not_even_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StorageFailed, match="is there already"):
        store(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
