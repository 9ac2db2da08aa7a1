"""Marks of restores in place, and the safety backups that are kept."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from python_backup.errors import ArtifactError
from python_backup.manifest import dump_manifest
from python_backup.storage.safety import Mark, drop_oldest, is_held, marked, marks, taken_up, unmark
from support.results import TAKEN, manifest


def mark(folder: Path, name: str = "20260113_155440_mysql_dns_db.sql.zst") -> Mark:
    grants = ("GRANT EXECUTE ON FUNCTION `dns_db`.`f` TO 'ü'@'%'",)
    return Mark(folder / name, "1", "dns_db", ("dns_db__restoring_x", "dns_db__before_x"), grants)


def test_a_mark_is_found_by_its_database_and_held_while_its_maker_works(tmp_path: Path) -> None:
    made = mark(tmp_path)
    with marked(made):
        assert marks(tmp_path, "1", "dns_db") == (made,)
        assert marks(tmp_path, "1", "other") == marks(tmp_path, "2", "dns_db") == ()
        assert is_held(made)
        with taken_up(made) as free:
            assert not free
    assert not is_held(made)
    with taken_up(made) as free:
        assert free
        assert is_held(made)
    assert made.path.stat().st_mode & 0o777 == 0o600
    unmark(made)
    unmark(made)
    assert marks(tmp_path, "1", "dns_db") == ()


def test_a_folder_that_is_not_there_has_no_marks(tmp_path: Path) -> None:
    assert marks(tmp_path / "none", "1", "dns_db") == ()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"instance": 1}'])
def test_a_mark_that_cannot_be_read_is_no_reason_to_go_on(tmp_path: Path, content: str) -> None:
    mark(tmp_path).path.write_text(content)
    with pytest.raises(ArtifactError, match="cannot be read"):
        marks(tmp_path, "1", "dns_db")


def backup(folder: Path, age: int, database: str = "dns_db", instance: str = "1") -> Path:
    taken = TAKEN - timedelta(days=age)
    path = folder / f"{taken:%Y%m%d_%H%M%S}_mysql_{database}{instance}.sql.zst"
    for suffix in ("", ".sha256"):
        path.with_name(path.name + suffix).write_bytes(b"x")
    told = replace(manifest(database), instance=instance, started=taken)
    path.with_name(path.name + ".manifest.json").write_bytes(dump_manifest(told))
    return path


def test_the_oldest_of_one_database_go_with_all_their_files(tmp_path: Path) -> None:
    mine = [backup(tmp_path, age) for age in range(4)]
    others = [backup(tmp_path, 9, "other"), backup(tmp_path, 9, "dns_db", "2")]
    assert drop_oldest(tmp_path, "1", "dns_db", keep=2) == (mine[2], mine[3])
    assert [path.exists() for path in (*mine, *others)] == [True, True, False, False, True, True]
    assert len(list(tmp_path.iterdir())) == 4 * 3


def test_one_that_a_mark_needs_stays(tmp_path: Path) -> None:
    old, new = backup(tmp_path, 5), backup(tmp_path, 0)
    with marked(mark(tmp_path, old.name)):
        assert drop_oldest(tmp_path, "1", "dns_db", keep=1) == ()
    assert (old.exists(), new.exists()) == (True, True)
    assert drop_oldest(tmp_path / "none", "1", "dns_db", keep=1) == ()
