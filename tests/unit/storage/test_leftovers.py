"""Clearing up after processes that were killed while they stored a backup."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.instance import Dbms
from python_backup.model import Format
from python_backup.storage.folder import backups
from python_backup.storage.leftovers import clear_folder
from python_backup.storage.names import ArtifactName, artifact_name
from python_backup.stream.publish import is_temporary, publishing

NAME = artifact_name(
    ArtifactName(datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC), Dbms.MYSQL, "shop", Format.NONE)
)
STORES = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_manifest import MANIFEST
from python_backup.instance import Dbms
from python_backup.model import Format
from python_backup.storage.folder import storing
from python_backup.storage.names import ArtifactName
left = int(sys.argv[2])
called = 0
def watch(event, arguments):
    global called
    if event in {"open", "os.link", "os.remove", "os.chmod"} and sys.argv[1] in str(arguments):
        called += 1
        if called > left:
            os.kill(os.getpid(), signal.SIGKILL)
name = ArtifactName(datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC), Dbms.MYSQL, "shop", Format.NONE)
sys.addaudithook(watch)
with storing(Path(sys.argv[1]), name) as sink:
    sink.write(b"x" * 100)
    sink.commit(MANIFEST)
print(called)
"""


def stored(folder: Path, steps: int) -> subprocess.CompletedProcess[str]:
    """A process that stores a backup and is killed before its next step in the folder."""
    unit = Path(__file__).parents[1]
    words = [sys.executable, "-c", STORES, str(folder), str(steps), str(unit)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def test_killed_at_any_step_a_store_leaves_a_whole_backup_or_nothing_after_the_next_clearing(
    tmp_path,
) -> None:
    (tmp_path / "whole").mkdir()
    whole = stored(tmp_path / "whole", 10_000)
    steps = int(whole.stdout)
    assert steps >= 10, whole.stderr
    seen = set()
    for step in range(steps):
        folder = tmp_path / str(step)
        folder.mkdir()
        (folder / NAME.replace("shop", "older")).write_bytes(b"of another program")
        assert stored(folder, step).returncode == -signal.SIGKILL
        left = len(list(folder.iterdir()))
        cleared = clear_folder(folder)
        after = [path.name for path in folder.iterdir()]
        assert left - len(after) == len(cleared)
        assert not any(map(is_temporary, after))
        [*new, _older] = sorted(after, key=lambda name: "older" in name)
        assert len(new) in {0, 3}, (step, new)
        seen.add(len(new))
        assert [b.manifest is not None for b in backups(folder) if b.database == "shop"] == [True] * (
            len(new) // 3
        )
    assert seen == {0, 3}


def test_a_living_writers_file_is_left_alone(tmp_path) -> None:
    with publishing(tmp_path / "a.sql") as sink:
        sink.write(b"1")
        assert clear_folder(tmp_path) == ()
        sink.commit()
        assert clear_folder(tmp_path) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["a.sql"]


def test_a_temporary_file_that_nobody_holds_is_removed_and_told(tmp_path) -> None:
    left = tmp_path / ".a.sql.partial-0123abcd"
    left.write_bytes(b"1")
    (tmp_path / ".partial").touch()
    assert clear_folder(tmp_path) == (left,)
    assert [path.name for path in tmp_path.iterdir()] == [".partial"]


def test_an_artifact_without_manifest_that_has_no_other_name_is_not_touched(tmp_path) -> None:
    (tmp_path / NAME).write_bytes(b"of another program")
    os.link(tmp_path / NAME, tmp_path / "kept.sql")
    assert clear_folder(tmp_path) == ()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_folder_that_cannot_be_read_has_nothing_to_clear(tmp_path, folder) -> None:
    (tmp_path / "file").touch()
    assert clear_folder(tmp_path / folder) == ()
