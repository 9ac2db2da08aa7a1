"""Which earlier backup another is measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from python_backup.instance import Dbms
from python_backup.model import MANIFEST, Artifact, Facts, Format, Manifest
from python_backup.storage.earlier import Wanted, earlier, last_good
from python_backup.storage.folder import storing
from python_backup.storage.names import ArtifactName

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
SHOP = Wanted("1", Dbms.MYSQL, "shop")


def store(
    folder: Path,
    minute: int,
    *,
    instance: str = "1",
    stored: Format = Format.NONE,
    errors: tuple[str, ...] = (),
    suspect: Mapping[str, str] | None = None,
) -> Path:
    """A backup of ``shop`` that was begun at that minute."""
    at = AT + timedelta(minutes=minute)
    manifest = Manifest(
        "v", instance, Dbms.MYSQL, "shop", at, at, "9.7", "c", "9", (),
        Artifact("", stored, 1, "0" * 64, 1, "0" * 64), Facts((), {}, {}), errors, suspect=suspect or {},
    )  # fmt: skip
    with storing(folder, ArtifactName(at, Dbms.MYSQL, "shop", stored)) as new:
        new.write(b"x")
        return new.commit(manifest).path


def test_the_last_good_backup_is_neither_partial_nor_suspect_nor_anothers(tmp_path: Path) -> None:
    assert last_good(tmp_path, SHOP) is None
    good = store(tmp_path, 1, stored=Format.ZSTD)
    store(tmp_path, 2, errors=("no view",))
    store(tmp_path, 3, suspect={"t": "gone"})
    store(tmp_path, 4, instance="2")
    torn = store(tmp_path, 5)
    torn.with_name(torn.name + MANIFEST).write_text("{")
    found = last_good(tmp_path, SHOP)
    assert found is not None
    assert found.artifact.file == good.name
    assert last_good(tmp_path, SHOP, before=found) is None
    assert last_good(tmp_path, SHOP, before=replace(found, started=found.started + timedelta(1))) == found


def test_of_two_that_began_within_one_second_the_one_of_the_later_name_is_the_later(tmp_path: Path) -> None:
    store(tmp_path, 1)
    store(tmp_path, 1)
    later, first = earlier(tmp_path, SHOP)
    assert later.started == first.started
    assert last_good(tmp_path, SHOP, before=later) == first


def test_the_latest_comes_first_and_a_format_narrows(tmp_path: Path) -> None:
    first, second, third = (
        store(tmp_path, n, stored=f) for n, f in enumerate((Format.GZIP, Format.NONE, Format.GZIP))
    )
    assert [m.artifact.file for m in earlier(tmp_path, SHOP)] == [third.name, second.name, first.name]
    zipped = Wanted("1", Dbms.MYSQL, "shop", Format.GZIP)
    assert [m.artifact.file for m in earlier(tmp_path, zipped)] == [third.name, first.name]
    assert [m.artifact.file for m in earlier(tmp_path, SHOP, most=1)] == [third.name]


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list(earlier(tmp_path / "none", SHOP)) == []
