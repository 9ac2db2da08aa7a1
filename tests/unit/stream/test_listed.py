"""The parts of a folder that are read, and those that are left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt, ArtifactMissing, UnsafeDump
from python_backup.model import Part, PartKind, Span
from python_backup.stream.listed import listed
from python_backup.stream.members import AFTER, BEFORE

NAMES = (BEFORE, "data/00001_others.sql.zst", "data/00002_a.sql.zst", "data/00003_b.sql.zst", AFTER)


def _text(name: str) -> bytes:
    return f"-- {name}\n".encode() * len(name)


def _part(name: str) -> Part:
    kind = {BEFORE: PartKind.BEFORE, AFTER: PartKind.AFTER}.get(name, PartKind.DATA)
    text = _text(name)
    found = hashlib.sha256(text).hexdigest()
    return Part(name, kind, "", "", None, "", len(text), found, len(text), found)


PARTS = tuple(map(_part, NAMES))
BEGINS = [sum(part.raw_size for part in PARTS[:number]) for number in range(len(PARTS) + 1)]
GAPS = tuple(Span(BEGINS[number], BEGINS[number + 1], 0) for number in (1, 2, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backup in parts, not compressed."""
    (tmp_path / "data").mkdir()
    for name in NAMES:
        (tmp_path / name).write_bytes(_text(name))
    return tmp_path


def test_what_is_not_wanted_is_not_opened(folder: Path) -> None:
    (folder / NAMES[1]).unlink()
    (folder / NAMES[3]).write_bytes(b"damage")
    (folder / "data/00009_c.sql.zst").touch()
    stored: list[bytes] = []
    with listed(folder, PARTS) as source:
        blocks = list(source.read(GAPS, lambda span: span != GAPS[1], stored.append))
    wanted = b"".join(map(_text, (NAMES[0], NAMES[2], NAMES[4])))
    assert [block for block in blocks if isinstance(block, Span)] == [GAPS[0], GAPS[2]]
    assert b"".join(block for block in blocks if isinstance(block, bytes)) == wanted
    assert b"".join(stored) == wanted
    assert source.told == "3 of its 5 parts"
    assert source.lacking == (
        f"{NAMES[1]} is missing",
        f"{NAMES[3]} has 6 bytes, not {PARTS[3].size:,}",
        "data/00009_c.sql.zst is there besides",
    )


def test_everything_is_asked_for_when_all_before_it_was_taken(folder: Path) -> None:
    taken: list[bytes] = []
    asked: list[tuple[Span, bytes]] = []

    def unwanted(span: Span) -> bool:
        asked.append((span, b"".join(taken)))
        return span == GAPS[0]

    with listed(folder, PARTS) as source:
        taken.extend(
            block for block in source.read(GAPS, unwanted, lambda _: None) if isinstance(block, bytes)
        )
    assert [span for span, _ in asked] == list(GAPS)
    assert source.lacking == ()


def _changed(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"-- d", b"-- D", 1))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another byte": (_changed, f"{NAMES[2]} is corrupt: it is not what its manifest says"),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-7]), f"{NAMES[2]} is corrupt"),
    "empty": (lambda file: file.write_bytes(b""), NAMES[2]),
    "missing": (Path.unlink, f"lacks {NAMES[2]}, which its manifest names"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_part_that_is_read_and_is_not_what_is_listed_is_named(folder: Path, damage: str) -> None:
    done, told = DAMAGES[damage]
    done(folder / NAMES[2])
    with listed(folder, PARTS) as source, pytest.raises(ArtifactCorrupt, match=told):
        list(source.read((), lambda _: False, lambda _: None))


def test_whoever_trips_over_a_damaged_part_is_told_so(folder: Path) -> None:
    _changed(folder / NAMES[2])

    def read(until: bytes) -> None:
        with listed(folder, PARTS) as source:
            for block in source.read((), lambda _: False, lambda _: None):
                if isinstance(block, bytes) and until in block:
                    raise UnsafeDump("it would run a program")

    with pytest.raises(ArtifactCorrupt, match=f"{NAMES[2]} is corrupt"):
        read(b"-- Data")
    with pytest.raises(UnsafeDump):
        read(NAMES[1].encode())


def test_a_manifest_names_no_file_outside_the_folder(folder: Path) -> None:
    other = folder.with_name("other.sql")
    other.write_bytes(_text(NAMES[2]))
    for name in ("../other.sql", str(other), "data/../data/00002_a.sql.zst"):
        parts = (PARTS[0], replace(PARTS[2], file=name))
        with listed(folder, parts) as source, pytest.raises(ArtifactCorrupt, match="lacks"):
            list(source.read((), lambda _: False, lambda _: None))


def test_a_folder_without_its_first_part_is_told_of_by_that(folder: Path) -> None:
    (folder / BEFORE).unlink()
    with listed(folder, PARTS) as source, pytest.raises(ArtifactMissing, match=f"no file .*{BEFORE}"):
        list(source.read(GAPS, lambda _: True, lambda _: None))


def test_a_link_in_the_place_of_a_part_is_refused_though_nobody_reads_it(folder: Path) -> None:
    (folder / NAMES[1]).unlink()
    (folder / NAMES[1]).symlink_to("/etc/passwd")
    with pytest.raises(ArtifactCorrupt, match="no file of a backup"), listed(folder, PARTS):
        pass
