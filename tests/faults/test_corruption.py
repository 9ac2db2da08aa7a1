"""A changed byte of an artifact or of its manifest is found by verify, and by restore before it connects.

``make faults`` changes every byte; ``make test`` some.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults.listening import Listening, artifact
from python_backup.jobs.verify import verify_artifact
from python_backup.model import MANIFEST, Format
from support.silence import Silence

WHOLE = bool(os.environ.get("VYA_FAULTS"))
STEP = 1 if WHOLE else 397
SIZE = 64 << 10
FORMATS = (Format.NONE, Format.ZSTD)


def _missed(changed: Path, path: Path, nobody: Listening, step: int) -> list[tuple[int, str]]:
    """The places at which one changed bit was not found, and by whom."""
    missed = []
    descriptor = os.open(changed, os.O_RDWR)
    try:
        for place in range(0, changed.stat().st_size, step):
            (right,) = os.pread(descriptor, 1, place)
            os.pwrite(descriptor, bytes([right ^ 1 << place % 8]), place)
            if verify_artifact(path, Silence()).good:
                missed.append((place, "verify"))
            if not nobody.refuses(path):
                missed.append((place, "restore"))
            os.pwrite(descriptor, bytes([right]), place)
    finally:
        os.close(descriptor)
    return missed


@pytest.mark.timeout(0 if WHOLE else 600)
@pytest.mark.parametrize("stored", FORMATS, ids=lambda stored: stored.value)
def test_any_changed_byte_of_an_artifact_is_found(family_server, stored, nobody: Listening, tmp_path: Path):
    path = artifact(family_server, tmp_path, stored, SIZE)
    assert verify_artifact(path, Silence()).good
    assert _missed(path, path, nobody, STEP) == []
    assert verify_artifact(path, Silence()).good


@pytest.mark.timeout(0 if WHOLE else 600)
def test_any_changed_byte_of_a_manifest_is_found(family_server, nobody: Listening, tmp_path: Path):
    path = artifact(family_server, tmp_path, Format.NONE, SIZE)
    beside = path.with_name(path.name + MANIFEST)
    assert _missed(beside, path, nobody, 1 if WHOLE else 41) == []
    assert verify_artifact(path, Silence()).good
