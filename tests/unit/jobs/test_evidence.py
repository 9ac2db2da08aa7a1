"""What is told of an artifact whose bytes are not those that its manifest says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from python_backup.jobs.evidence import SHOWN, Beside
from python_backup.model import Part, PartKind
from python_backup.storage.sums import ExpectedSum
from python_backup.stream.members import JoinedSum
from support.results import manifest


def test_of_many_changed_parts_the_first_are_named_and_the_rest_is_counted() -> None:
    names = [f"data/{number:05}.sql.zst" for number in range(SHOWN + 30)]
    parts = tuple(Part(name, PartKind.DATA, "t", "", 1, "d", 9, "", 9, "another") for name in names)
    beside = Beside(
        replace(manifest(), parts=parts), ExpectedSum("sha256", "other", Path("manifest.json")), ()
    )
    check = beside.sum_check(JoinedSum(()))
    assert check.ok is False
    told = check.detail.split("; ")
    assert told[1] == f"{names[0]} is missing"
    assert len(told) == 1 + SHOWN + 1
    assert told[-1] == "and 30 more"
