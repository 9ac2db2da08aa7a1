"""An artifact that is cut anywhere is refused before a connection is opened.

``make faults`` cuts at every byte, and a large one at a thousand places; ``make test`` at some bytes.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from faults.listening import Listening, artifact
from python_backup.model import MANIFEST, Format
from python_backup.stream.codecs import CODECS

WHOLE = bool(os.environ.get("VYA_FAULTS"))
STEP = 1 if WHOLE else 97
SIZE = 20_000
LARGE = 112_000_000
PLACES = 1000
FORMATS = tuple(CODECS)
MARKS = {"postgresql": b"-- PostgreSQL database dump complete", "mysql": b"-- Dump completed"}


@pytest.fixture(params=FORMATS, ids=lambda stored: stored.value)
def stored(request: pytest.FixtureRequest, family_server) -> Format:
    if request.param is Format.CUSTOM and family_server.family != "postgresql":
        pytest.skip("custom is PostgreSQL's own format")
    return request.param


def _cuts(path: Path, places: list[int], nobody: Listening) -> list[int]:
    """The lengths to which the file was cut that were not refused, longest first."""
    taken = []
    for length in sorted(places, reverse=True):
        os.truncate(path, length)
        if not nobody.refuses(path):
            taken.append(length)
    return taken


def _alone(path: Path, folder: Path) -> Path:
    """The artifact as a file of somebody else, with nothing beside it."""
    folder.mkdir()
    return Path(shutil.copy(path, folder / ("foreign" + "".join(path.suffixes))))


@pytest.mark.timeout(0 if WHOLE else 600)
def test_an_artifact_cut_at_any_byte_is_refused(
    family_server, stored: Format, nobody: Listening, tmp_path: Path
):
    path = artifact(family_server, tmp_path, stored, SIZE)
    assert not nobody.refuses(path)
    assert _cuts(path, list(range(0, path.stat().st_size, STEP)), nobody) == []


@pytest.mark.timeout(0 if WHOLE else 600)
def test_a_cut_artifact_with_its_checksum_alone_is_refused(family_server, nobody: Listening, tmp_path: Path):
    path = artifact(family_server, tmp_path, Format.NONE, SIZE)
    path.with_name(path.name + MANIFEST).unlink()
    assert not nobody.refuses(path)
    size = path.stat().st_size
    assert _cuts(path, [*range(0, size, STEP), *range(size - 60, size)], nobody) == []


@pytest.mark.timeout(0 if WHOLE else 600)
def test_a_file_of_somebody_else_cut_at_any_byte_is_refused_unless_all_was_written(
    family_server, stored: Format, nobody: Listening, tmp_path: Path
):
    path = _alone(artifact(family_server, tmp_path, stored, SIZE), tmp_path / "alone")
    content = path.read_bytes()
    size = len(content)
    assert not nobody.refuses(path)
    taken = _cuts(path, sorted({*range(0, size, STEP), *range(size - 60, size)}), nobody)
    last = size
    if stored is Format.NONE:  # what follows the end mark are comments and line ends
        mark = MARKS[family_server.family]
        last = content.rindex(mark) + len(mark)
        assert b";" not in content[last:]
    elif stored is Format.ZSTD:  # all rows are in the frames; what follows is the table of where they stand
        last = size - 17 - 8 * int.from_bytes(content[-9:-5], "little")
    assert [length for length in taken if length < last] == []


@pytest.mark.timeout(0)
@pytest.mark.skipif(not WHOLE, reason="make faults cuts the large one")
def test_a_large_artifact_cut_at_a_thousand_places_is_refused(
    family_server, nobody: Listening, tmp_path: Path, record_property
):
    path = artifact(family_server, tmp_path, Format.NONE, LARGE)
    size = path.stat().st_size
    begun = time.monotonic()
    assert _cuts(path, [size * number // PLACES + number % 97 for number in range(PLACES)], nobody) == []
    record_property("cuts", f"{PLACES} cuts of {size:,} bytes in {time.monotonic() - begun:.0f} s")
